// The arithmetic of charts.

// From 0 to at least the largest value, in steps that are read easily; at most five of them. Counts
// are whole, so the steps are.
export function ticks(largest: number): number[] {
  if (!(largest > 0)) return [0, 1];
  const rough = largest / 4;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(
    1,
    ([1, 2, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10) * magnitude,
  );
  const found = [0];
  while ((found.at(-1) as number) < largest) found.push((found.at(-1) as number) + step);
  return found;
}

// Every how many columns a label fits.
export function labelStride(columns: number, width: number, labelWidth: number): number {
  if (columns === 0 || width <= 0) return 1;
  return Math.max(1, Math.ceil((columns * labelWidth) / width));
}

// What stands on what: the lower end and the upper end of each value, in values.
export function stack(values: number[]): { from: number; to: number }[] {
  let at = 0;
  return values.map((value) => {
    const from = at;
    at += value;
    return { from, to: at };
  });
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat('en');
export const toShortCount = (count: number) => compact.format(count);
export const toCount = (count: number) => whole.format(count);
