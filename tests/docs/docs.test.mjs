// What the documents say, compared with what the programs do: links, configurations, commands, the
// reference of the command line, the table of invariants.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { runProgram } from '../harness/process.mjs';
import { program, repository } from '../harness/build.mjs';

const read = (file) => fs.readFileSync(path.join(repository, file), 'utf8');
const filesBelow = (folder, ending) =>
  fs
    .readdirSync(path.join(repository, folder), { recursive: true })
    .map((name) => path.join(folder, name))
    .filter((name) => name.endsWith(ending))
    .sort();
// Written by `make bench`; absent until it has run.
const kBenchmarks = 'docs/benchmarks.md';
const documents = [
  'README.md',
  'CHANGELOG.md',
  'tests/README.md',
  ...filesBelow('docs', '.md').filter((file) => file !== kBenchmarks),
];

// The fenced blocks of a document: [{language, text, line}].
function blocksOf(file) {
  const blocks = [];
  let open = null;
  read(file)
    .split('\n')
    .forEach((line, index) => {
      const fence = /^( *)```(\S*)/.exec(line);
      if (!fence) {
        if (open) open.lines.push(line.slice(open.indent));
      } else if (open) {
        blocks.push({ language: open.language, line: open.line, text: open.lines.join('\n') });
        open = null;
      } else {
        open = { indent: fence[1].length, language: fence[2], line: index + 1, lines: [] };
      }
    });
  assert.equal(open, null, `${file}: a block does not end`);
  return blocks;
}
const blocks = documents.flatMap((file) =>
  blocksOf(file).map((block) => ({ ...block, file, where: `${file}:${block.line}` })),
);
const withoutBlocks = (file) => read(file).replace(/^ *```[\s\S]*?^ *```/gm, '');

describe('links', () => {
  // As GitHub names the headings of a document.
  const anchorsOf = (file) =>
    [...withoutBlocks(file).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
  for (const file of documents) {
    test(`${file}: every relative link leads somewhere`, () => {
      const text = withoutBlocks(file).replace(/`[^`\n]*`/g, '');
      const targets = [
        ...[...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]),
        ...[...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g)].map((match) => match[1]),
      ].filter((target) => !/^(https?|mailto):/.test(target));
      for (const target of targets) {
        const [name, anchor] = target.split('#');
        const full = name ? path.join(path.dirname(file), name) : file;
        if (full === kBenchmarks) continue;
        assert.ok(fs.existsSync(path.join(repository, full)), `${target} is not there`);
        if (anchor) assert.ok(anchorsOf(full).includes(anchor), `${target}: no such heading`);
      }
    });
  }
  test('every document is reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const file of reached)
      for (const [, target] of read(file).matchAll(/\]\(([^)#\s]+\.md|[^)#\s]+\/)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(target)) continue;
        const full = path.join(path.dirname(file), target);
        if (full === kBenchmarks) continue;
        if (full.endsWith('.md')) reached.add(full);
        else filesBelow(full, '.md').forEach((name) => reached.add(name));
      }
    assert.deepEqual(
      documents.filter((file) => !reached.has(file)),
      [],
    );
  });
});

// A complete configuration is one with an organization and applications.
const isConfiguration = ({ language, text }) =>
  language === 'yaml' && /^organization:/m.test(text) && /^applications:/m.test(text);

describe('configurations', () => {
  let directory;
  let publicKey;
  before(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-docs-'));
    const state = path.join(directory, 'agent');
    const agent = program('gatehouse-agent');
    await runProgram(agent, ['init', '--state', state, '--origin', 'https://auth.example.com']);
    publicKey = (await runProgram(agent, ['public-key', '--state', state])).stdout;
  });
  after(() => fs.rmSync(directory, { recursive: true }));

  // In a folder of its own, beside the files that it asks for.
  function write(text, name) {
    const folder = path.join(directory, name.replaceAll('/', '_'));
    fs.mkdirSync(folder);
    for (const [, key, value] of text.matchAll(/(\w+_file): *([^\s,}]+)/g)) {
      assert.ok(!value.startsWith('/'), `${value}: examples name files beside themselves`);
      fs.mkdirSync(path.join(folder, path.dirname(value)), { recursive: true });
      fs.writeFileSync(
        path.join(folder, value),
        key === 'public_certificate_file' ? publicKey : 'a secret\n',
      );
    }
    const file = path.join(folder, 'gatehouse.yaml');
    fs.writeFileSync(file, `${text}\n`);
    return file;
  }

  const complete = blocks.filter(isConfiguration);
  test('there are some', () => assert.ok(complete.length >= 3, `${complete.length}`));
  for (const block of complete) {
    test(`${block.where}: gatehouse check accepts it as written`, async () => {
      const file = write(block.text, block.where);
      const { code, output } = await runProgram(program('gatehouse'), ['check', file]);
      assert.equal(code, 0, output);
    });
  }
  test('the one of the README has PIN, provider, device check and application', () => {
    const { text } = complete.find(({ file }) => file === 'README.md');
    for (const part of [
      /^smtp:/m,
      /type: onetimepin/,
      /type: oidc/,
      /^device_posture_integrations:[\s\S]*type: tanium/m,
      /device_posture: *\{?/,
      /^applications:/m,
      /^ingress:/m,
    ])
      assert.match(text, part);
  });
  test('an error in it is refused with file, line and field', async () => {
    const { text, where } = complete.find(({ file }) => file === 'README.md');
    const file = write(text.replace('email_domain:', 'email_domains:'), `broken ${where}`);
    const { code, output } = await runProgram(program('gatehouse'), ['check', file]);
    assert.equal(code, 2);
    assert.match(output, /gatehouse\.yaml:\d+: applications\[0\].*email_domains/);
  });
});

// --help of a program or of one of its commands, taken apart.
async function helpOf(name, command) {
  const args = command ? [command, '--help'] : ['--help'];
  const { code, stdout } = await runProgram(program(name), args);
  assert.equal(code, 0, `${name} ${args.join(' ')}`);
  const lines = stdout.split('\n');
  const help = { about: lines[0], options: [], commands: [], footer: '' };
  let section = '';
  for (const line of lines.slice(1)) {
    const heading = /^(Options|Positionals|Subcommands):$/.exec(line);
    const entry = /^ {2}(\S.*?)(?: {2,}(\S.*))?$/.exec(line);
    const more = /^ {10,}(\S.*)$/.exec(line);
    if (heading) {
      section = heading[1];
    } else if (line.startsWith('Exit codes:')) {
      help.footer = line;
      section = '';
    } else if (section === 'Subcommands' && entry) {
      help.commands.push({ name: entry[1], about: entry[2] });
    } else if (section && more && help.options.length > 0) {
      help.options.at(-1).about = more[1];
    } else if (section && entry) {
      // `--output TEXT:{text,json}=text`; the last column may begin after a single space.
      const [, option, , type, choices, , value, rest] =
        /^(\S+)( ([A-Z]+)?(?::(\{[^}]*\}))?(=(\S+))?)?( .*)?$/.exec(entry[1]);
      const said = `${rest ?? ''} ${entry[2] ?? ''}`;
      help.options.push({
        name: option,
        takes: section === 'Options' && type !== undefined,
        choices: choices ? choices.slice(1, -1).split(',') : null,
        required: / REQUIRED\b/.test(said),
        initial: value ?? null,
        about: said.replace(/ *(\.\.\.)? REQUIRED */, '').trim(),
      });
    }
  }
  help.options = help.options.filter(({ name: option }) => option !== '-h,--help');
  return help;
}
const programs = ['gatehouse', 'gatehouse-agent'];
const helps = new Map(); // `gatehouse`, `gatehouse serve` -> help
before(async () => {
  for (const name of programs) {
    helps.set(name, await helpOf(name));
    for (const { name: command } of helps.get(name).commands)
      helps.set(`${name} ${command}`, await helpOf(name, command));
  }
});

describe('docs/reference/commands.md', () => {
  const text = read('docs/reference/commands.md');
  // The part below the heading of a command, and the rows of its table.
  const part = (title) => {
    const found = new RegExp(`^#+ \`${title}\`\n([\\s\\S]*?)(?=^#|$(?![\\s\\S]))`, 'm').exec(text);
    assert.ok(found, `no heading \`${title}\``);
    return found[1];
  };
  const rowsOf = (section) =>
    [...section.matchAll(/^\| `([^`]+)` \| (.*?) \| (.*) \|$/gm)].map(([, name, value, about]) => ({
      name,
      value,
      about,
    }));

  test('has every command, and no other', () => {
    const named = [...text.matchAll(/^#+ `([^`]+)`$/gm)].map(([, title]) => title).sort();
    assert.deepEqual(named, [...helps.keys()].sort());
  });
  test('has every option with its default, in the words of --help', () => {
    for (const [title, { about, options }] of helps) {
      const section = part(title);
      assert.ok(section.includes(about), `${title}: \`${about}\` is not said`);
      const expected = options.map(({ name, required, initial, choices, about: said }) => ({
        name,
        value: required
          ? 'required'
          : initial
            ? `\`${initial.replace(os.homedir() + '/.local', '~/.local')}\``
            : '',
        about: said,
        choices,
      }));
      const rows = rowsOf(section);
      assert.deepEqual(
        rows.map(({ name }) => name.split(' ')[0]),
        expected.map(({ name }) => name),
        title,
      );
      for (const [i, { name, value, about: said, choices }] of expected.entries()) {
        assert.ok(rows[i].value.includes(value), `${title} ${name}: default ${value}`);
        if (!value) assert.equal(rows[i].value, '-', `${title} ${name}`);
        assert.ok(rows[i].about.startsWith(said), `${title} ${name}: ${said}`);
        for (const choice of choices ?? [])
          assert.match(rows[i].about + rows[i].name, new RegExp(`\\b${choice}\\b`), name);
      }
    }
  });
  test('has the exit codes that --help states', () => {
    for (const [title, { footer }] of helps) {
      assert.match(footer, /^Exit codes: 0 .*1 .*2 /, title);
      const name = title.split(' ')[0];
      assert.ok(part(name).includes(footer.replace('Exit codes: ', '')), `${name}: ${footer}`);
    }
  });

  const nowhere = path.join(os.tmpdir(), 'gatehouse-docs-nowhere');
  for (const [name, args, code, said] of [
    ['gatehouse', ['--help'], 0, /Usage/],
    ['gatehouse', ['--version'], 0, /^\d+\.\d+\.\d+$/m],
    ['gatehouse', [], 2, /subcommand/],
    ['gatehouse', ['serv'], 2, /./],
    ['gatehouse', ['check'], 2, /file/],
    ['gatehouse', ['check', nowhere], 2, /cannot read/],
    ['gatehouse', ['check', nowhere, '--output', 'xml'], 2, /output/],
    ['gatehouse', ['serve', '--config', nowhere], 2, /cannot read/],
    ['gatehouse', ['apply', nowhere], 2, /cannot read/],
    ['gatehouse', ['status', '--state', nowhere], 1, /no gateway answers/],
    ['gatehouse', ['export', '--state', nowhere], 1, /no gateway answers/],
    ['gatehouse', ['backup', nowhere, '--state', nowhere], 1, /--config/],
    ['gatehouse', ['restore', nowhere, '--yes'], 1, /cannot read/],
    ['gatehouse', ['demo', '--stop', '--state', nowhere], 1, /no demo is running/],
    ['gatehouse-agent', ['--help'], 0, /Usage/],
    ['gatehouse-agent', ['init', '--state', nowhere], 2, /origin/],
    ['gatehouse-agent', ['init', '--state', nowhere, '--origin', 'http://a'], 2, /--origin/],
    ['gatehouse-agent', ['set', '--state', nowhere], 2, /--managed/],
    ['gatehouse-agent', ['status', '--state', nowhere], 1, /cannot read/],
    ['gatehouse-agent', ['run', '--state', nowhere], 1, /cannot read/],
  ])
    test(`${name} ${args.join(' ').replaceAll(nowhere, 'NOWHERE')}: exit ${code}`, async () => {
      const result = await runProgram(program(name), args);
      assert.equal(result.code, code, result.output);
      assert.match(result.output, said);
    });
});

// Every line of a `sh` block is one of these, so nothing stands there that nobody looked at.
describe('commands in the documents', () => {
  const targets = () => [...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, name]) => name);
  const presets = () =>
    JSON.parse(read('CMakePresets.json')).configurePresets.map(({ name }) => name);
  const suites = () => fs.readdirSync(path.join(repository, 'tests'));
  const ours = async (words) => {
    const name = words[0];
    const command = helps.get(name).commands.find((one) => one.name === words[1]);
    const rest = words.slice(command ? 2 : 1);
    const { options } = helps.get(command ? `${name} ${words[1]}` : name);
    assert.ok(command || rest.every((word) => word.startsWith('-')), `${words[1]}: no command`);
    let positionals = 0;
    for (let i = 0; i < rest.length; i++) {
      if (!rest[i].startsWith('-')) {
        positionals++;
        continue;
      }
      if (rest[i] === '--help') continue;
      const option = options.find((one) => one.name === rest[i]);
      assert.ok(option, `${rest[i]} is no option of ${name} ${words[1]}`);
      if (option.takes) i++;
    }
    const wanted = options.filter((one) => !one.name.startsWith('-')).length;
    assert.equal(positionals, wanted, 'as many arguments as the command takes');
    for (const option of options.filter((one) => one.required && one.name.startsWith('-')))
      assert.ok(rest.includes(option.name), `${option.name} is required`);
    if (rest.includes('--help') || rest.includes('--version'))
      assert.equal((await runProgram(program(name), words.slice(1))).code, 0);
  };
  // What may stand there and is not ours to run.
  const foreign = /^(install|systemctl|curl)$/;

  const kinds = [
    [
      /^make\b/,
      async (words) => {
        const names = words.slice(1).filter((word) => !word.includes('='));
        for (const name of names) assert.ok(targets().includes(name), `no target ${name}`);
        const { code, output } = await runProgram('make', ['-n', ...names], { cwd: repository });
        assert.equal(code, 0, output);
      },
    ],
    [/^(\S*\/)?gatehouse(-agent)?$/, (words) => ours([path.basename(words[0]), ...words.slice(1)])],
    [
      /^(cmake|ctest)$/,
      (words) => {
        const at = words.findIndex((word) => word === '--preset');
        if (at > 0) assert.ok(presets().includes(words[at + 1]), `no preset ${words[at + 1]}`);
        const directory = words[words.indexOf('--test-dir') + 1];
        if (words.includes('--test-dir'))
          assert.ok(presets().includes(path.basename(directory)), directory);
      },
    ],
    [
      /^tools\/build$/,
      (words) => {
        assert.ok(presets().includes(words[1]), `no preset ${words[1]}`);
        const lists = filesBelow('src', 'CMakeLists.txt').map(read).join('\n');
        for (const target of words.slice(2))
          assert.ok(
            target === 'all' ||
              lists.includes(target.replace(/^gatehouse_|_test$/g, '')) ||
              lists.includes(target),
            `no target ${target}`,
          );
      },
    ],
    [
      /^tests\/run$/,
      (words) => {
        const names = words.slice(1).filter((word, i) => !/^--|^build\//.test(word) && i < 1);
        for (const name of names)
          assert.ok(name === 'all' || suites().includes(name), `no suite ${name}`);
      },
    ],
    [
      /^(tools|bench)\//,
      (words) => fs.accessSync(path.join(repository, words[0]), fs.constants.X_OK),
    ],
    [
      /^build\/\w+\/src\/\S+_(test|fuzz)$/,
      (words) => {
        const source = path.basename(words[0]);
        const lists = filesBelow('src', 'CMakeLists.txt').map(read).join('\n');
        assert.ok(lists.includes(source) || lists.includes(source.replace(/_test$/, '')), source);
      },
    ],
  ];

  for (const block of blocks.filter(({ language }) => language === 'sh')) {
    test(`${block.where}: can be typed`, async () => {
      execFileSync('bash', ['-n'], { input: block.text });
      const lines = block.text.replaceAll('\\\n', ' ').split('\n');
      for (const line of lines) {
        const command = line.replace(/(^|\s)#.*$/, '').trim();
        if (command === '') continue;
        for (const single of command.split(/\s*(?:&&|\|)\s*/)) {
          const words = single.split(/\s+/).filter((word) => !/^[A-Z_]+=\S*$/.test(word));
          if (words.length === 0) continue;
          if (words[0] === 'sudo') words.shift();
          const kind = kinds.find(([pattern]) => pattern.test(words[0]));
          if (kind) await kind[1](words);
          else assert.match(words[0], foreign, `${line}: nobody checks this command`);
        }
      }
    });
  }
  test('make demo and make test have something to do', async () => {
    for (const target of ['demo', 'test', 'test-long', 'bench']) {
      const { code, stdout, output } = await runProgram('make', ['-n', target], {
        cwd: repository,
      });
      assert.equal(code, 0, output);
      assert.ok(stdout.trim() !== '', target);
    }
  });
});

describe('the invariants of docs/ARCHITECTURE.md', () => {
  const table = /^## Invariants\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(
    read('docs/ARCHITECTURE.md'),
  )[1];
  const rows = [...table.matchAll(/^\| (\d) \| (.*?) \| (.*?) \| (.*) \|$/gm)];
  const spans = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, span]) => span);
  const sources = filesBelow('src', '_test.cc').concat(filesBelow('tests', '_test.cc'));
  const unit = new Set(
    sources.flatMap((file) =>
      [...read(file).matchAll(/^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)/gm)].map((m) => `${m[1]}.${m[2]}`),
    ),
  );

  test('are all eight', () =>
    assert.deepEqual(
      rows.map(([, number]) => number),
      ['1', '2', '3', '4', '5', '6', '7', '8'],
    ));
  for (const [, number, , places, tests] of rows) {
    test(`${number}: the places and the tests exist`, () => {
      const files = spans(places).filter((span) => span.includes('/'));
      assert.ok(files.length > 0, 'no file is named');
      for (const file of files)
        assert.ok(fs.existsSync(path.join(repository, 'src', file)), `src/${file}`);
      assert.ok(spans(tests).length >= 2, 'too few tests are named');
      let suite = '';
      for (const span of spans(tests)) {
        if (/\.test\.mjs$/.test(span)) {
          suite = read(path.join('tests', span));
        } else if (/^\w+\.\w+$/.test(span)) {
          assert.ok(unit.has(span), `no unit test ${span}`);
        } else {
          const quoted = [`test('${span}'`, `test("${span}"`, `'${span}'`, `"${span}"`];
          assert.ok(
            quoted.some((text) => suite.includes(text)),
            `no test '${span}' in its suite`,
          );
        }
      }
    });
  }
});
