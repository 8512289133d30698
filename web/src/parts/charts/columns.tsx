// Counts over time as stacked columns. The values are read with the mouse, with the arrow keys, or as
// a table; the series differ in colour and in texture.
import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { Button, LayerCard, Table } from '../kumo';
import { labelStride, stack, ticks, toCount, toShortCount } from './scale.ts';

export interface Series {
  name: string;
  // A class such as fill-kumo-badge-blue.
  fill: string;
  texture?: 'plain' | 'stripes' | 'dots';
  values: number[];
}
export interface Slot {
  // Below the axis, and where the values are read.
  label: string;
  title: string;
}

const kHeight = 180;
const kLeft = 40;
const kBottom = 22;
const kTop = 8;
const kLabelWidth = 52;

function useWidth() {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observed = element.current;
    if (!observed) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(observed);
    return () => observer.disconnect();
  }, []);
  return { element, width };
}

function Legend({ series, totals }: { series: Series[]; totals: number[] }) {
  return (
    <ul className="m-0 flex list-none flex-wrap gap-x-5 gap-y-1 p-0 text-sm">
      {series.map((one, index) => (
        <li key={one.name} className="flex items-center gap-2">
          <svg width={12} height={12} aria-hidden className="shrink-0">
            <rect width={12} height={12} rx={2} className={one.fill} />
            <Texture kind={one.texture} x={0} y={0} width={12} height={12} />
          </svg>
          <span className="text-kumo-default">{one.name}</span>
          <span className="text-kumo-subtle tabular-nums">{toCount(totals[index] as number)}</span>
        </li>
      ))}
    </ul>
  );
}

function Texture({
  kind = 'plain',
  ...box
}: {
  kind?: Series['texture'];
  x: number;
  y: number;
  width: number;
  height: number;
}) {
  if (kind === 'plain' || box.height <= 0) return null;
  return <rect {...box} fill={`url(#chart-${kind})`} />;
}

// Once on a page that has charts.
export function Textures() {
  return (
    <svg width={0} height={0} className="absolute" aria-hidden>
      <defs>
        <pattern
          id="chart-stripes"
          width={5}
          height={5}
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect width={1.6} height={5} className="fill-kumo-base" />
        </pattern>
        <pattern id="chart-dots" width={5} height={5} patternUnits="userSpaceOnUse">
          <circle cx={2.5} cy={2.5} r={1.1} className="fill-kumo-base" />
        </pattern>
      </defs>
    </svg>
  );
}

export function Columns({
  label,
  slots,
  series,
}: {
  label: string;
  slots: Slot[];
  series: Series[];
}) {
  const { element, width } = useWidth();
  const [active, setActive] = useState<number | null>(null);
  const [isTable, setTable] = useState(false);
  const hint = useId();
  const totals = series.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  const heights = slots.map((_, at) =>
    series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0),
  );
  const scale = ticks(Math.max(0, ...heights));
  const top = scale.at(-1) as number;
  const inner = Math.max(0, width - kLeft);
  const step = slots.length > 0 ? inner / slots.length : 0;
  const bar = Math.max(1, Math.min(48, step * 0.72));
  const y = (value: number) => kTop + (1 - value / top) * (kHeight - kTop - kBottom);
  const stride = labelStride(slots.length, inner, kLabelWidth);
  const move = (event: KeyboardEvent) => {
    const last = slots.length - 1;
    const from = active ?? (event.key === 'ArrowLeft' ? slots.length : -1);
    const to = {
      ArrowLeft: Math.max(0, from - 1),
      ArrowRight: Math.min(last, from + 1),
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    setActive(to);
  };
  const shown = active === null ? undefined : slots[active];
  return (
    <div className="flex flex-col gap-3">
      <div className="flex items-start justify-between gap-2">
        <Legend series={series} totals={totals} />
        <Button size="sm" variant="ghost" className="shrink-0" onClick={() => setTable(!isTable)}>
          {isTable ? 'Show as chart' : 'Show as table'}
          <span className="sr-only">: {label}</span>
        </Button>
      </div>
      {isTable ? (
        <div
          className="max-h-80 overflow-auto"
          tabIndex={0}
          role="region"
          aria-label={`${label} as a table`}
        >
          <LayerCard className="p-0">
            <Table>
              <Table.Header>
                <Table.Row>
                  <Table.Head>Time</Table.Head>
                  {series.map(({ name }) => (
                    <Table.Head key={name}>{name}</Table.Head>
                  ))}
                </Table.Row>
              </Table.Header>
              <Table.Body>
                {slots.map((slot, at) => (
                  <Table.Row key={slot.title}>
                    <Table.Cell>{slot.title}</Table.Cell>
                    {series.map(({ name, values }) => (
                      <Table.Cell key={name} className="tabular-nums">
                        {toCount(values[at] ?? 0)}
                      </Table.Cell>
                    ))}
                  </Table.Row>
                ))}
              </Table.Body>
            </Table>
          </LayerCard>
        </div>
      ) : (
        <>
          <div
            ref={element}
            role="group"
            aria-label={`${label}: ${series
              .map(({ name }, index) => `${name} ${toCount(totals[index] as number)}`)
              .join(', ')}`}
            aria-describedby={hint}
            tabIndex={0}
            className="rounded outline-offset-4"
            onKeyDown={move}
            onBlur={() => setActive(null)}
            onMouseLeave={() => setActive(null)}
          >
            <svg width="100%" height={kHeight} aria-hidden className="block select-none">
              {scale.map((value) => (
                <g key={value}>
                  <line
                    x1={kLeft}
                    x2={width}
                    y1={y(value)}
                    y2={y(value)}
                    className="stroke-kumo-line"
                    strokeWidth={1}
                  />
                  <text
                    x={kLeft - 8}
                    y={y(value) + 4}
                    textAnchor="end"
                    fontSize={11}
                    fill="currentColor"
                    className="text-kumo-subtle"
                  >
                    {toShortCount(value)}
                  </text>
                </g>
              ))}
              {slots.map((slot, at) => {
                const x = kLeft + at * step;
                return (
                  <g key={slot.title} onMouseEnter={() => setActive(at)}>
                    <rect
                      x={x}
                      y={kTop}
                      width={step}
                      height={kHeight - kTop - kBottom}
                      className={active === at ? 'fill-kumo-tint' : 'fill-transparent'}
                    />
                    {stack(series.map(({ values }) => values[at] ?? 0)).map(
                      ({ from, to }, index) => {
                        const one = series[index] as Series;
                        const box = {
                          x: x + (step - bar) / 2,
                          y: y(to),
                          width: bar,
                          height: Math.max(0, y(from) - y(to) - (from > 0 ? 1 : 0)),
                        };
                        return to > from ? (
                          <g key={one.name}>
                            <rect {...box} className={one.fill} />
                            <Texture kind={one.texture} {...box} />
                          </g>
                        ) : null;
                      },
                    )}
                    {at % stride === 0 && step > 0 && (
                      <text
                        x={x + step / 2}
                        y={kHeight - 6}
                        textAnchor="middle"
                        fontSize={11}
                        fill="currentColor"
                        className="text-kumo-subtle"
                      >
                        {slot.label}
                      </text>
                    )}
                  </g>
                );
              })}
            </svg>
          </div>
          <p id={hint} className="sr-only">
            The arrow keys read the values.
          </p>
          {/* Always there, so that nothing jumps. */}
          <p className="m-0 min-h-5 text-sm text-kumo-strong" role="status">
            {shown && active !== null ? (
              <>
                <span className="font-medium">{shown.title}</span>
                {': '}
                {series
                  .map(
                    ({ name, values }) => `${name.toLowerCase()} ${toCount(values[active] ?? 0)}`,
                  )
                  .join(', ')}
              </>
            ) : (
              <span className="text-kumo-subtle">Point at a column to read its values.</span>
            )}
          </p>
        </>
      )}
    </div>
  );
}
