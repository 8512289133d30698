// What stops working without something, by name.
import { Link, Loader } from '../../parts/kumo';
import { useUsers } from './usage';
import type { Used } from './users_of.ts';

const kShown = 20;
const kKinds = { application: 'Application', policy: 'Policy', group: 'Group' };

export function UsedBy({
  used,
  id,
  nobody = 'Nothing uses it.',
}: {
  used: Used;
  id: string;
  nobody?: string;
}) {
  const { users, error } = useUsers(used, id);
  if (error) return <p className="m-0 text-kumo-danger">Who uses it could not be read.</p>;
  if (!users)
    return (
      <span role="status" aria-label="Looking who uses it">
        <Loader size={16} />
      </span>
    );
  if (users.length === 0) return <p className="m-0 text-kumo-strong">{nobody}</p>;
  return (
    <ul className="m-0 flex flex-col gap-1 ps-5">
      {users.slice(0, kShown).map((user) => (
        <li key={`${user.kind} ${user.id}`}>
          {kKinds[user.kind]} <Link href={user.href}>{user.name}</Link>
        </li>
      ))}
      {users.length > kShown && <li>and {users.length - kShown} more</li>}
    </ul>
  );
}
