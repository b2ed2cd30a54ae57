import type { Backbone } from './backbone';
import { IResNet } from './iresnet';
import type { BackboneSection } from './options';

const kinds = { iresnet: IResNet } as const;

/**
 * Makes the backbone that the section `backbone` of a config describes.
 *
 * @param place the images it is for, and the device it is on
 * @throws KappaError `ERR_ARGUMENT`, `ERR_DEVICE`
 */
export function createBackbone(
  { kind, ...options }: BackboneSection,
  place: { imageSize?: number; device?: string } = {},
): Backbone {
  return new kinds[kind]({ ...options, ...place });
}
