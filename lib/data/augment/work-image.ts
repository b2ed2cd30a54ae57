/** An image that is being worked on: 8-bit RGB, rows from the top. Storing into it rounds and saturates. */
export interface WorkImage {
  readonly pixels: Uint8ClampedArray;
  readonly height: number;
  readonly width: number;
}
