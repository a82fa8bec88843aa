/** Where a chest-piece is put: the places of docs/protocol.md section 7, `auscultation`. */

export const SITES = [
  "aortic",
  "pulmonary",
  "erb",
  "tricuspid",
  "mitral",
  "carotid-left",
  "carotid-right",
  "abdomen",
  "lung-front-left-upper",
  "lung-front-left-lower",
  "lung-front-right-upper",
  "lung-front-right-lower",
  "lung-back-left-upper",
  "lung-back-left-lower",
  "lung-back-right-upper",
  "lung-back-right-lower",
] as const;

export type Site = (typeof SITES)[number];
