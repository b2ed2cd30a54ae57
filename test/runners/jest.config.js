module.exports = { testMatch: ['<rootDir>/jest/*.test.js'], testTimeout: 120_000 };
