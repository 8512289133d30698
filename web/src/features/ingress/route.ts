// An application and where its requests go are two things of the API. They are saved one after the
// other; when the second is refused, the first is taken back, and when that fails it is said.
import { ApiError } from '../../api/client';
import { useChangeIngress } from './ingress';
import { ownRule, withRule, withoutRule, type Rule } from './rules.ts';

// What the API says about a rule of the list, as fields of a form for one rule.
export function toRuleError(error: ApiError): ApiError {
  return new ApiError(
    error.status,
    error.problems.map(({ pointer, message, ...rest }) => {
      if (/no certificate covers the host/.test(message))
        return { ...rest, pointer: '/host', message: message.replace(/^.*?: (?=no cert)/, '') };
      const [, member = '', inner] = /^\/\d+\/(\w+)(\/.*)?$/.exec(pointer) ?? [];
      const field = { hostname: '/host', originRequest: '/origin' }[member] ?? `/${member}`;
      return {
        ...rest,
        pointer: member ? field + (inner ?? '') : pointer,
        message: message.replace(/^[\w.[\]]+: /, ''),
      };
    }),
    error.reference,
  );
}

export function useSaveWithRoute() {
  const change = useChangeIngress();
  // `rule`: undefined when nothing about routes changes.
  return async <T>(
    rule: (Rule & { hostname: string }) | undefined,
    save: () => Promise<T>,
  ): Promise<T> => {
    if (!rule) return save();
    let before: Rule | undefined;
    try {
      await change((rules) => {
        before = ownRule(rules, rule.hostname);
        return withRule(rules, rule);
      });
    } catch (error) {
      throw error instanceof ApiError ? toRuleError(error) : error;
    }
    try {
      return await save();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      try {
        await change((rules) =>
          before
            ? withRule(rules, { ...before, hostname: rule.hostname })
            : withoutRule(rules, rule.hostname),
        );
      } catch (second) {
        const why = second instanceof Error ? second.message : String(second);
        const left = `The ingress rule that sends ${rule.hostname} to ${rule.service} was saved and could not be taken back (${why}). Saving again uses it.`;
        throw new ApiError(error.status, [
          ...error.problems,
          { code: 0, message: left, pointer: '' },
        ]);
      }
      throw error;
    }
  };
}
