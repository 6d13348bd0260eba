// A neighbour that keeps one core busy until it is killed or its parent is gone.
const parent = process.ppid;
let sum = 0;
while (process.ppid === parent) for (let i = 0; i < 1e8; i++) sum += i % 7;
process.exitCode = Number.isNaN(sum) ? 1 : 0;
