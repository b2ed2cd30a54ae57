import * as kappaface from 'kappaface';
import { expect, test } from 'vitest';

import { declare } from '../cases.js';

declare(kappaface, { test, expect }, ['training']);
