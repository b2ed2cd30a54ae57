/** An image that is being worked on, in place: 8-bit RGB, rows from the top. */
export interface WorkImage {
  pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}
