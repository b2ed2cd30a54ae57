import { pixelsAddon } from '../../native/pixels';
import type { Tensor } from '../../tensor/tensor';

/** Another way in which images might have to be prepared for a network. */
export interface InputVariant {
  /** Stable. */
  readonly id: string;
  /** What is done to the images, for people; insightface's own name behind it where it has one. */
  readonly label: string;
  /** What it hints at where it raises the result. */
  readonly hint: string;
  /** Leaves the mirror images out. */
  readonly withoutFlip?: boolean;
  /** Changes the pixels of an image in place: size x size x 3 bytes. */
  readonly change?: (pixels: Uint8Array, size: number) => void;
  /** Changes what the network gets, (x - 127.5) / 127.5. */
  readonly prepare?: (images: Tensor) => Promise<Tensor>;
}

/** Of the side of the image; 4 pixels of 112. */
const SHIFT = 1 / 28;
const ZOOM = 1.12;
const AREA = 2;
const BILINEAR = 1;

const shifted = (where: string, x: number, y: number): InputVariant => ({
  id: `shift-${where}`,
  label: `shifted to the ${where}`,
  hint: `the faces lie too far ${opposite[where]!}: they were aligned by another template, or cut with another margin`,
  change: (pixels, size) => {
    const by = Math.max(1, Math.round(size * SHIFT));
    move(pixels, size, { scale: 1, x: x * by, y: y * by });
  },
});

const opposite: Record<string, string> = {
  left: 'to the right',
  right: 'to the left',
  top: 'down',
  bottom: 'up',
};

/** What is tried beside the images as they are. */
export const INPUT_VARIANTS: readonly InputVariant[] = [
  {
    id: 'bgr',
    label: 'red and blue exchanged (BGR; insightface: swapRB)',
    hint: 'the channels of the images are in the order that the network was not trained with: one side is BGR, as OpenCV reads files (AdaFace, MagFace), the other RGB (insightface)',
    change: swapChannels,
  },
  {
    id: 'no-flip',
    label: 'without the mirror image (insightface: F0)',
    hint: 'mirror images do harm: the faces are not upright, or not in the middle',
    withoutFlip: true,
  },
  {
    id: 'std-128',
    label: '(x - 127.5) / 128 (insightface: input_std 128)',
    hint: 'the network was trained on another range of values: input_mean 127.5, input_std 128',
    prepare: async (images) => images.mul(127.5 / 128),
  },
  {
    id: 'unit-range',
    label: 'x / 255 (insightface: input_mean 0, input_std 255)',
    hint: 'the network was trained on values from 0 to 1, as MagFace',
    prepare: async (images) => images.add(1).mul(0.5),
  },
  shifted('left', -1, 0),
  shifted('right', 1, 0),
  shifted('top', 0, -1),
  shifted('bottom', 0, 1),
  {
    id: 'zoom-in',
    label: `enlarged ${ZOOM} times about the centre`,
    hint: 'the faces are smaller in the images than in those of training: the crop is too wide',
    change: (pixels, size) => move(pixels, size, { scale: ZOOM, x: 0, y: 0 }),
  },
  {
    id: 'zoom-out',
    label: `shrunk ${ZOOM} times about the centre`,
    hint: 'the faces are larger in the images than in those of training: the crop is too narrow',
    change: (pixels, size) => move(pixels, size, { scale: 1 / ZOOM, x: 0, y: 0 }),
  },
  {
    id: 'coarse',
    label: 'coarser, by half the resolution',
    hint: 'the images are finer than those of training, which were enlarged or blurred',
    change: (pixels, size) => {
      const half = Math.max(1, size >> 1);
      pixelsAddon().lowResolution(pixels, size, size, half, half, AREA, BILINEAR);
    },
  },
];

/** Exchanges red and blue. */
export function swapChannels(pixels: Uint8Array): void {
  for (let i = 0; i < pixels.length; i += 3) {
    const red = pixels[i]!;
    pixels[i] = pixels[i + 2]!;
    pixels[i + 2] = red;
  }
}

/**
 * Scales an image about its centre and moves it, bilinear; beyond its edge it goes on as at the edge, so that no border
 * appears that the network has never seen.
 */
export function move(
  pixels: Uint8Array,
  size: number,
  { scale, x: right, y: down }: { scale: number; x: number; y: number },
): void {
  const source = Uint8Array.from(pixels);
  const centre = (size - 1) / 2;
  const at = (position: number, by: number): [number, number, number] => {
    const exact = Math.min(size - 1, Math.max(0, (position - centre - by) / scale + centre));
    const first = Math.floor(exact);
    return [first, Math.min(size - 1, first + 1), exact - first];
  };
  for (let y = 0; y < size; y++) {
    const [top, bottom, v] = at(y, down);
    for (let x = 0; x < size; x++) {
      const [left, rightmost, u] = at(x, right);
      for (let c = 0; c < 3; c++) {
        const value = (row: number, column: number): number => source[3 * (row * size + column) + c]!;
        const above = (1 - u) * value(top, left) + u * value(top, rightmost);
        const below = (1 - u) * value(bottom, left) + u * value(bottom, rightmost);
        pixels[3 * (y * size + x) + c] = Math.round((1 - v) * above + v * below);
      }
    }
  }
}
