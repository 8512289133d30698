// Narrows the applications down while the visitor types; without it the form asks the gateway.
// ES2017, no dependencies.
(function () {
  'use strict';

  const form = document.querySelector('form[data-filter]');
  if (!form) return;
  const field = form.querySelector('input');
  const nothing = document.getElementById('no-match');
  const lists = Array.from(document.querySelectorAll('.apps'));

  const fold = function (text) {
    return text.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase();
  };

  function narrow() {
    const wanted = fold(field.value).split(/\s+/).filter(Boolean);
    let found = 0;
    for (const list of lists) {
      let here = 0;
      for (const item of list.children) {
        const parts = item.querySelectorAll('.name, .name + small');
        const text = fold(Array.from(parts, function (part) { return part.textContent; }).join(' '));
        item.hidden = !wanted.every(function (word) { return text.includes(word); });
        if (!item.hidden) here++;
      }
      list.hidden = here === 0;
      const heading = list.previousElementSibling;
      if (heading && heading.tagName === 'H2') heading.hidden = here === 0;
      found += here;
    }
    nothing.hidden = found > 0;
  }

  field.addEventListener('input', narrow);
  form.addEventListener('submit', function (event) { event.preventDefault(); });
  if (field.value) narrow();
})();
