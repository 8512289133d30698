// What is asked for in several places, and asked for again after a change.
export const kDevices = '/accounts/{account_id}/gatehouse/devices' as const;
export const kSessions = '/accounts/{account_id}/gatehouse/sessions' as const;
export const kUsers = '/accounts/{account_id}/access/users' as const;
