// Runs graphile-worker for the adapter in graphile.go:
//
//   node worker.mjs migrate|work PRESET
//
// where PRESET is a preset's worker part in JSON. At work it writes "ready", then a line for
// each job: its number, and when its handler started, in microseconds of the clock. It stops
// when its standard input ends.
import { Logger, run, runMigrations } from "graphile-worker";

const [mode, preset] = process.argv.slice(2);
const logger = new Logger(() => (level, message) => {
  if (level === "error") console.error(message);
});
const options = {
  preset: { worker: { ...JSON.parse(preset), logger } },
  noHandleSignals: true,
};

if (mode === "migrate") {
  await runMigrations(options);
} else {
  // Lines are written together, a moment later, so that reporting costs the worker little.
  let lines = "";
  const write = () => {
    process.stdout.write(lines);
    lines = "";
  };
  const bench = async (input) => {
    const now = performance.timeOrigin + performance.now();
    if (!input.to) throw new Error("the input was not decoded");
    if (lines === "") setTimeout(write, 2);
    lines += `${input.number} ${Math.round(now * 1000)}\n`;
  };
  const runner = await run({ ...options, taskList: { bench }, crontab: "" });
  process.stdout.write("ready\n");
  process.stdin.resume();
  process.stdin.on("end", () => runner.stop());
  await runner.promise;
}
