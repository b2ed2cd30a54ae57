// Made from the schemas of the options by npm run reference; change those, not this.

/** What makes an SGD. */
export interface SGDOptions {
  /**
   * learning rate
   * @default 0.1
   */
  lr?: number;
  /**
   * share of the last step's direction that stays
   * @default 0.9
   */
  momentum?: number;
  /**
   * L2 penalty of all parameters, added to the gradient
   * @default 0.0005
   */
  weightDecay?: number;
  /**
   * Nesterov's momentum
   * @default false
   */
  nesterov?: boolean;
}

/** What makes a GradScaler. */
export interface GradScalerOptions {
  /**
   * factor on the loss at first
   * @default 65536
   */
  initialScale?: number;
  /**
   * what the factor is multiplied by after growthInterval good steps in a row
   * @default 2
   */
  growthFactor?: number;
  /**
   * what the factor is multiplied by after a step whose gradients were not finite
   * @default 0.5
   */
  backoffFactor?: number;
  /**
   * good steps in a row before the factor grows
   * @default 2000
   */
  growthInterval?: number;
}
