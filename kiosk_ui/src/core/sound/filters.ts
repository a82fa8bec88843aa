/** What the doctor listens through: a fourth-order Butterworth high-pass and low-pass, -3 dB at each corner. */

export type FilterName = "bell" | "diaphragm" | "wide";

/** Corners, Hz. */
export const CORNERS: Record<FilterName, { low: number; high: number }> = {
  bell: { low: 20, high: 200 },
  diaphragm: { low: 100, high: 500 },
  wide: { low: 20, high: 2000 },
};

/** Quality of the two second-order sections: 1 / (2 cos(pi/8)) and 1 / (2 cos(3 pi/8)). */
const SECTIONS = [1 / (2 * Math.cos(Math.PI / 8)), 1 / (2 * Math.cos((3 * Math.PI) / 8))];

/** Web Audio takes Q of these two filter types in decibels. */
export const SECTION_Q_DB = SECTIONS.map((q) => 20 * Math.log10(q));

/** Two high-pass and two low-pass sections in a row; `set` moves the corners. */
export class Filter {
  readonly input: AudioNode;
  readonly output: AudioNode;
  #sections: BiquadFilterNode[];

  constructor(context: BaseAudioContext, name: FilterName) {
    this.#sections = (["highpass", "lowpass"] as const).flatMap((type) =>
      SECTION_Q_DB.map((Q) => new BiquadFilterNode(context, { type, Q })),
    );
    for (let index = 1; index < this.#sections.length; index++) {
      this.#sections[index - 1]?.connect(this.#sections[index] as AudioNode);
    }
    this.input = this.#sections[0] as AudioNode;
    this.output = this.#sections.at(-1) as AudioNode;
    this.set(name);
  }

  set(name: FilterName): void {
    for (const section of this.#sections) {
      const { low, high } = CORNERS[name];
      section.frequency.value = section.type === "highpass" ? low : high;
    }
  }
}
