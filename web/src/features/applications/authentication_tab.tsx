// With which login methods people may come.
import { useMayWrite } from '../../shell/me';
import { FormBody } from '../../parts/form_page';
import { Section } from '../../parts/page';
import { useSay } from '../../parts/say';
import { useApplicationForm, type TabProperties } from './edit_application';
import { checkLogin, LoginMethods, toAllowed, toLoginDraft } from './login_methods';

export function AuthenticationTab({ read, reload }: TabProperties) {
  const mayWrite = useMayWrite();
  const say = useSay();
  const edit = useApplicationForm({
    read,
    reload,
    toValues: ({ allowed_idps }) => toLoginDraft(allowed_idps),
    check: checkLogin,
    toChange: (draft) => ({ allowed_idps: toAllowed(draft) }),
  });
  const { form } = edit;
  return (
    <Section
      title="Login methods"
      description="People who signed in with another method are asked to sign in again with one of these. A single one is used at once, without a choice."
    >
      <FormBody
        form={form}
        shown={['allowed_idps', 'all_idps']}
        mayWrite={mayWrite}
        reload={edit.reload}
        onSaved={() => say.done('Saved: login methods')}
      >
        <LoginMethods
          value={form.values}
          onChange={form.change}
          error={form.errors.allowed_idps}
        />
      </FormBody>
    </Section>
  );
}
