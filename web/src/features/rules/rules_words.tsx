// Rules in words, for lists and pages that only show them.
import { kRuleLists, type WrittenRules } from './rules_editor';
import { useNameOf } from './choices';
import { choicesIn, wordsOf } from './selectors.ts';

const kTitles = { include: 'Include', require: 'Require', exclude: 'Exclude' };

export function RulesWords({ rules }: { rules: Partial<WrittenRules> }) {
  const nameOf = useNameOf(choicesIn(kRuleLists.flatMap((name) => rules[name] ?? [])));
  return (
    <ul className="m-0 flex list-none flex-col gap-0.5 p-0 text-sm text-kumo-strong">
      {kRuleLists
        .filter((name) => (rules[name] ?? []).length > 0)
        .map((name) => (
          <li key={name} className="break-words">
            <span className="text-kumo-subtle">{kTitles[name]}</span>{' '}
            {wordsOf(rules[name], nameOf).join(name === 'require' ? ' and ' : ' or ')}
          </li>
        ))}
    </ul>
  );
}
