// Loaded before the tests: a rejection that nobody hears of would end a user's process, and mocha says nothing of it.
process.on('unhandledRejection', (error) => {
  throw error;
});
