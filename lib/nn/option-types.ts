// Made from the schemas of the options by npm run reference; change those, not this.

/** What makes an IResNet. */
export interface IResNetOptions {
  /**
   * layers of the IResNet: 18, 34, 50, 100 or 200
   * @default 50
   */
  depth?: 18 | 34 | 50 | 100 | 200;
  /**
   * dimensions of the embedding
   * @default 512
   */
  embeddingSize?: number;
  /**
   * scales the widths 64, 128, 256, 512 of the four stages
   * @default 1
   */
  widthMultiplier?: number;
  /**
   * dropout before the last linear layer
   * @default 0
   */
  dropout?: number;
  /**
   * arithmetic of the convolutions: auto takes bfloat16 where the machine computes it fast, else float32; weights, batch statistics and the last layer stay float32; float16 (for GPUs) scales the loss
   * @default "auto"
   */
  precision?: 'auto' | 'float32' | 'bfloat16' | 'float16' | 'bf16';
  /**
   * side of the square images in pixels
   * @default 112
   */
  imageSize?: number;
  /**
   * where the parameters are
   * @default "cpu"
   */
  device?: string;
}
