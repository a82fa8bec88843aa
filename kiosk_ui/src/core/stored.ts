/** A stored object as the platform has it: fetched by its hash, and shown only when it has that hash. */

export type Fetched = { state: "proven" | "unproven"; blob: Blob } | { state: "missing" | "forged" };

const LONGEST = 64 * 1024 * 1024;

async function hex(bytes: ArrayBuffer): Promise<string | null> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return null;
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `unproven`: this browser has no SHA-256 (a page without https). `forged`: the bytes have another hash. */
export async function fetchStored(platform: string, token: string, sha256: string): Promise<Fetched> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) return { state: "missing" };
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(new URL(`fhir/Binary/${sha256}`, platform), { headers, cache: "no-store" }).catch(
    () => null,
  );
  if (!response?.ok || Number(response.headers.get("content-length") ?? 0) > LONGEST) return { state: "missing" };
  const blob = await response.blob();
  const found = await hex(await blob.arrayBuffer());
  if (found === null) return { state: "unproven", blob };
  return found === sha256 ? { state: "proven", blob } : { state: "forged" };
}
