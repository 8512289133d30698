// How the organization's pages look, as the gateway will show it: colours that cannot be read give way.
export interface Design {
  background_color: string;
  text_color: string;
  logo_path: string;
  header_text: string;
  footer_text: string;
}
type Colour = [red: number, green: number, blue: number];

const kWhite: Colour = [255, 255, 255];
const kBlack: Colour = [0, 0, 0];
// The card in the middle of a page, in light colours.
const kCard = kWhite;
const kTextContrast = 4.5;
const kButtonContrast = 3;
const kMaxImage = 16 * 1024;
const kMaxText = 2048;

// `#rgb` or `#rrggbb`.
export function parseColour(text: string): Colour | null {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(text);
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  const parts = (short?.slice(1).map((digit) => digit + digit) ?? long?.slice(1))?.map((hex) =>
    Number.parseInt(hex, 16),
  );
  return parts ? (parts as Colour) : null;
}
export const toHex = (colour: Colour) =>
  `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`;

// WCAG 2.2, relative luminance and contrast ratio.
function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Colour;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
export function contrast(a: Colour, b: Colour): number {
  const [light, dark] = [luminance(a) + 0.05, luminance(b) + 0.05].sort((x, y) => y - x) as [
    number,
    number,
  ];
  return light / dark;
}
function readableOn(background: Colour, wanted: Colour | null): Colour {
  if (wanted && contrast(background, wanted) >= kTextContrast) return wanted;
  return contrast(background, kWhite) >= contrast(background, kBlack) ? kWhite : kBlack;
}

export interface Look {
  page: string;
  onPage: string;
  // Of the main button; null: the gateway's own colour.
  button: { colour: string; text: string } | null;
  notes: string[];
}
export function lookOf(design: Pick<Design, 'background_color' | 'text_color'>): Look | null {
  const brand = parseColour(design.background_color);
  if (!brand) return null;
  const wanted = parseColour(design.text_color);
  const text = readableOn(brand, wanted);
  const isButton = contrast(brand, kCard) >= kButtonContrast;
  const notes: string[] = [];
  if (wanted && text !== wanted)
    notes.push(`The text colour cannot be read on this background: ${toHex(text)} is used instead.`);
  if (!isButton) notes.push('A button of this colour would vanish on the card: it keeps our colour.');
  return {
    page: toHex(brand),
    onPage: toHex(text),
    button: isButton ? { colour: toHex(brand), text: toHex(text) } : null,
    notes,
  };
}

export const isImage = (address: string) =>
  address.length <= kMaxImage &&
  (/^data:image\/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}$/.test(address) ||
    (URL.canParse(address) && new URL(address).protocol === 'https:' && !/[\s"'<>\\;]/.test(address)));

export function checkDesign(design: Design): Record<string, string | undefined> {
  const colour = (text: string) =>
    text === '' || parseColour(text) ? undefined : 'Must be a colour such as #1a237e';
  const lines = (text: string) =>
    new TextEncoder().encode(text).length > kMaxText ? `At most ${kMaxText} bytes` : undefined;
  return {
    'login_design.background_color': colour(design.background_color),
    'login_design.text_color':
      colour(design.text_color) ??
      (design.text_color && !design.background_color
        ? 'Choose the background too: it is what the text has to be read on'
        : undefined),
    'login_design.logo_path':
      design.logo_path === '' || isImage(design.logo_path)
        ? undefined
        : 'Must be an https address of an image, or an image of at most 16 KiB',
    'login_design.header_text': lines(design.header_text),
    'login_design.footer_text': lines(design.footer_text),
  };
}
