// Where the programs under test are.
import fs from 'node:fs';
import path from 'node:path';

export const repository = path.resolve(import.meta.dirname, '../..');

// The build directory, or null: $GATEHOUSE_BUILD, else build/asan, else build/release.
export function findBuild() {
  const candidates = process.env.GATEHOUSE_BUILD
    ? [process.env.GATEHOUSE_BUILD]
    : ['build/asan', 'build/release'].map((name) => path.join(repository, name));
  return candidates.find((dir) => fs.existsSync(path.join(dir, 'bin/gatehouse'))) ?? null;
}

export function program(name) {
  const build = findBuild();
  if (!build) throw new Error('no build holds bin/gatehouse; set GATEHOUSE_BUILD');
  return path.join(build, 'bin', name);
}

// Sanitizers make everything two to four times slower: limits in time are wider there.
export const isSanitized = () => path.basename(findBuild() ?? '') !== 'release';

// The project's shared test data, beside a developer's clone; absent elsewhere.
const testkit = path.resolve(repository, '../shared/testkit');
export const kNoTestkit = 'skipped: ../shared/testkit is not here';
export function testkitFile(name) {
  const file = path.join(testkit, name);
  return fs.existsSync(file) ? file : null;
}
// JSON, or lines of text; null when absent.
export function testkitData(name) {
  const file = testkitFile(name);
  if (!file) return null;
  const text = fs.readFileSync(file, 'utf8');
  return name.endsWith('.json') ? JSON.parse(text) : text.split('\n').filter((line) => line !== '');
}
