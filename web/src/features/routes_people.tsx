// What happens: people, devices, decisions, changes.
import type { AnyRoute } from '@tanstack/react-router';
import { pageRoute } from './page_route';

export const peopleRoutes = (root: AnyRoute): AnyRoute[] => [
  pageRoute(root, '/', () => import('./overview/overview'), 'Overview'),
  pageRoute(root, '/users', () => import('./users/users'), 'Users'),
  pageRoute(root, '/users/$id', () => import('./users/user'), 'UserPage'),
  pageRoute(root, '/devices', () => import('./devices/devices'), 'Devices'),
  pageRoute(root, '/devices/$id', () => import('./devices/devices'), 'DevicePage'),
  pageRoute(root, '/logs/decisions', () => import('./logs/decisions'), 'Decisions'),
  pageRoute(root, '/logs/decisions/$reference', () => import('./logs/decision'), 'DecisionPage'),
  pageRoute(root, '/logs/sign-ins', () => import('./logs/sign_ins'), 'SignIns'),
  pageRoute(root, '/logs/audit', () => import('./logs/audit'), 'Audit'),
  pageRoute(root, '/access/tester', () => import('./tester/tester'), 'Tester'),
];
