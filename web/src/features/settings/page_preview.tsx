// A custom page as a browser shows it, shut away: no scripts, no forms, no links that lead anywhere,
// nothing from other hosts. The dashboard's own policy forbids style elements, so that the page's
// styles are put in by hand.
import { useEffect, useMemo, useRef } from 'react';

const kStyled = 'data-preview-style';

interface Prepared {
  html: string;
  sheets: string[];
}
// In a document of its own that loads and runs nothing. Styles are taken out of the text: even there
// they would be reported as forbidden.
function prepare(html: string): Prepared {
  const sheets: string[] = [];
  const text = html
    .replace(/<style\b[^>]*>([\s\S]*?)<\/style\s*>/gi, (_, sheet: string) => {
      sheets.push(sheet);
      return '';
    })
    .replace(/\sstyle\s*=/gi, ` ${kStyled}=`);
  const page = new DOMParser().parseFromString(text, 'text/html');
  for (const one of page.querySelectorAll(
    'script, style, link, iframe, frame, object, embed, base, meta[http-equiv]',
  ))
    one.remove();
  for (const one of page.querySelectorAll('*'))
    for (const { name } of [...one.attributes]) if (/^on/i.test(name)) one.removeAttribute(name);
  for (const image of page.querySelectorAll('img'))
    if (!image.getAttribute('src')?.startsWith('data:')) image.removeAttribute('src');
  return { html: `<!doctype html>${page.documentElement.outerHTML}`, sheets };
}

function dress(frame: HTMLIFrameElement, sheets: string[]): void {
  const page = frame.contentDocument;
  const view = frame.contentWindow as (Window & typeof globalThis) | null;
  if (!page || !view) return;
  page.adoptedStyleSheets = sheets.map((text) => {
    const sheet = new view.CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
  for (const one of page.querySelectorAll<HTMLElement>(`[${kStyled}]`))
    one.style.cssText = one.getAttribute(kStyled) ?? '';
}

export function PagePreview({ html }: { html: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const { html: shown, sheets } = useMemo(() => prepare(html), [html]);
  useEffect(() => {
    const one = frame.current;
    if (!one) return undefined;
    const onLoad = () => dress(one, sheets);
    one.addEventListener('load', onLoad);
    one.srcdoc = shown;
    return () => one.removeEventListener('load', onLoad);
  }, [shown, sheets]);
  return (
    <iframe
      ref={frame}
      title="Preview of the page"
      // Without allow-scripts: the same origin only lets the dashboard put the styles in.
      sandbox="allow-same-origin"
      className="h-96 w-full rounded-lg border border-kumo-line"
      style={{ background: '#ffffff' }}
    />
  );
}
