// One custom page: written, checked, and seen before anybody else sees it.
import { useDeferredValue } from 'react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { at, client, type Schemas } from '../../api/client';
import { useMayWrite } from '../../shell/me';
import { useEdit } from '../../parts/edit';
import { ChoiceField, TextField } from '../../parts/fields';
import { useForm, type Form } from '../../parts/form';
import { Page } from '../../parts/page';
import { ifMatch, Pending, toRead, useResource, type Read } from '../../parts/resource';
import { EditFormBody, NewFormBody } from '../named_forms';
import { kPagesPath, kPageTypes, RemovePage, usePages, useRefreshPages } from './custom_pages';
import { PagePreview } from './page_preview';

const kOne = `${kPagesPath}/{custom_page_id}` as const;
const kCrumbs = [{ label: 'Custom pages', href: '/settings/pages' }];
const kShown = ['name', 'type', 'custom_html'];
const kMaxBytes = 256 * 1024;
const kBeginning = `<!doctype html>
<html lang="en">
<title>No access</title>
<style>
  body { font-family: sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
</style>
<h1>You cannot open this</h1>
<p>Please ask the help desk.</p>
</html>
`;
type CustomPage = Schemas['CustomPage'];
type Values = Pick<Schemas['CustomPageRequest'], 'name' | 'type' | 'custom_html'>;

const checkWith =
  (names: string[]) =>
  ({ name, custom_html: html }: Values) => ({
    name: !name.trim()
      ? 'Give it a name'
      : names.includes(name.trim())
        ? 'There is a page of this name already'
        : undefined,
    custom_html: !html.trim()
      ? 'Write the page'
      : new TextEncoder().encode(html).length > kMaxBytes
        ? 'The page must have at most 256 KiB'
        : undefined,
  });

export function NewCustomPage() {
  const pages = usePages();
  return (
    <Page title="New page" description="It is sent as it is written." crumbs={kCrumbs}>
      {pages.data ? (
        <NewForm names={(pages.data.result ?? []).map(({ name }) => name)} />
      ) : (
        <Pending query={pages} />
      )}
    </Page>
  );
}

function NewForm({ names }: { names: string[] }) {
  const refresh = useRefreshPages();
  const form = useForm<Values>({
    initial: { name: '', type: 'identity_denied', custom_html: kBeginning },
    check: checkWith(names),
    save: async (values) => {
      await client.POST(kPagesPath, {
        params: { path: at() },
        body: { ...values, name: values.name.trim() },
      });
      await refresh();
    },
  });
  return (
    <NewFormBody
      form={form}
      wide
      shown={kShown}
      list="/settings/pages"
      next="Choose it in General, or in an application."
    >
      <PageFields form={form} isNew />
    </NewFormBody>
  );
}

export function CustomPagePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const mayWrite = useMayWrite();
  const navigate = useNavigate();
  const read = () => client.GET(kOne, { params: { path: at({ custom_page_id: id }) } });
  const page = useResource(['custom page', id], read);
  const pages = usePages();
  const found = page.data?.value;
  return (
    <Page
      title={found?.name ?? 'Custom page'}
      description="It is sent as it is written."
      crumbs={kCrumbs}
      actions={
        mayWrite &&
        found && (
          <RemovePage page={found} onRemoved={() => void navigate({ to: '/settings/pages' })} />
        )
      }
    >
      {page.data && pages.data ? (
        <EditForm
          key={id}
          read={page.data}
          reload={() => toRead(read())}
          names={(pages.data.result ?? []).filter(({ uid }) => uid !== id).map(({ name }) => name)}
        />
      ) : (
        <Pending query={page.error ? page : pages} />
      )}
    </Page>
  );
}

function EditForm({
  read,
  reload,
  names,
}: {
  read: Read<CustomPage>;
  reload: () => Promise<Read<CustomPage>>;
  names: string[];
}) {
  const refresh = useRefreshPages();
  const edit = useEdit<CustomPage, Values>({
    read,
    reload,
    toValues: ({ name, type, custom_html }) => ({ name, type, custom_html: custom_html ?? '' }),
    check: checkWith(names),
    save: async (values, base) => {
      await client.PUT(kOne, {
        params: { path: at({ custom_page_id: base.value.uid }), header: ifMatch(base.etag) },
        body: { ...values, name: values.name.trim() },
      });
      await refresh();
      // What the change answers has no text of the page.
      return reload();
    },
  });
  return (
    <EditFormBody edit={edit} wide shown={kShown}>
      <PageFields form={edit.form} isNew={false} />
    </EditFormBody>
  );
}

function PageFields({ form, isNew }: { form: Form<Values>; isNew: boolean }) {
  const html = useDeferredValue(form.values.custom_html);
  const { type } = form.values;
  const checked = useQuery({
    queryKey: ['custom page check', type, html],
    enabled: html !== '',
    staleTime: Infinity,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      // Not at every key.
      await new Promise((resolve) => window.setTimeout(resolve, 400));
      const { data } = await client.POST(`${kPagesPath}/validate`, {
        params: { path: at() },
        body: { template: html, type },
        signal,
      });
      return data?.result ?? null;
    },
  });
  const notes = [...(checked.data?.errors ?? []), ...(checked.data?.warnings ?? [])];
  return (
    <>
      <TextField form={form} path="name" label="Name" autoFocus={isNew} />
      <ChoiceField
        form={form}
        path="type"
        label="Shown when"
        choices={Object.entries(kPageTypes)
          .filter(([value, { isShown }]) => isShown || value === type)
          .map(([value, { label }]) => ({ value, label }))}
      />
      <div className="grid items-start gap-6 lg:grid-cols-2">
        <TextField
          form={form}
          path="custom_html"
          label="Page (HTML)"
          description="Styles may stand in it. Scripts do not run."
          lines={20}
          className="font-mono text-sm"
        />
        <div className="flex flex-col gap-2">
          <span className="text-sm font-medium">Preview</span>
          <PagePreview html={html} />
          {notes.length > 0 && (
            <div role="status">
              <ul className="m-0 flex flex-col gap-1 ps-5 text-sm text-kumo-strong">
                {notes.map(({ message }) => (
                  <li key={message}>{message}</li>
                ))}
              </ul>
            </div>
          )}
          <p className="m-0 text-sm text-kumo-subtle">
            Images of other hosts are not loaded here, and links lead nowhere.
          </p>
        </div>
      </div>
    </>
  );
}
