import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDesign, contrast, isImage, lookOf, parseColour } from './design.ts';

test('colours', () => {
  assert.deepEqual(parseColour('#fff'), [255, 255, 255]);
  assert.deepEqual(parseColour('#1a237e'), [26, 35, 126]);
  for (const text of ['', 'red', '#ff', '#12345', '#1234567', '#ggg']) assert.equal(parseColour(text), null);
  assert.ok(Math.abs(contrast([0, 0, 0], [255, 255, 255]) - 21) < 0.01);
});

test('what cannot be read gives way', () => {
  assert.equal(lookOf({ background_color: '', text_color: '#fff' }), null);
  assert.deepEqual(lookOf({ background_color: '#1a237e', text_color: '#ffffff' }), {
    page: '#1a237e',
    onPage: '#ffffff',
    button: { colour: '#1a237e', text: '#ffffff' },
    notes: [],
  });
  const look = lookOf({ background_color: '#fefefe', text_color: '#ffffff' });
  assert.equal(look?.onPage, '#000000');
  assert.equal(look?.button, null);
  assert.equal(look?.notes.length, 2);
});

test('logos', () => {
  for (const address of ['https://cdn.example.com/logo.svg', 'data:image/png;base64,iVBORw0KGgo='])
    assert.ok(isImage(address), address);
  for (const address of [
    'http://example.com/a.png',
    'data:text/html;base64,AAAA',
    'data:image/svg+xml,<svg/>',
    'logo.png',
    `data:image/png;base64,${'A'.repeat(16 * 1024)}`,
  ])
    assert.ok(!isImage(address), address.slice(0, 40));
});

test('what is wrong is told beside its field', () => {
  const design = { background_color: '', text_color: '', logo_path: '', header_text: '', footer_text: '' };
  const wrong = (change: object) =>
    Object.entries(checkDesign({ ...design, ...change }))
      .filter(([, problem]) => problem)
      .map(([field]) => field);
  assert.deepEqual(wrong({}), []);
  assert.deepEqual(wrong({ background_color: 'red' }), ['login_design.background_color']);
  assert.deepEqual(wrong({ text_color: '#fff' }), ['login_design.text_color']);
  assert.deepEqual(wrong({ logo_path: 'x' }), ['login_design.logo_path']);
  assert.deepEqual(wrong({ footer_text: 'ä'.repeat(1025) }), ['login_design.footer_text']);
});
