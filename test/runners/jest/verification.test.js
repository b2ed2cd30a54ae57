/* global test, expect */
const kappaface = require('kappaface');
const { declare } = require('../cases');

declare(kappaface, { test, expect }, ['verification']);
