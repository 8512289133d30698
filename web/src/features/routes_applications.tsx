// What is protected, and who is let in.
import type { AnyRoute } from '@tanstack/react-router';
import { pageRoute } from './page_route';

const page = () => import('./applications/application_page');
const policyOfApplication = () => import('./applications/application_policy');

export const applicationRoutes = (root: AnyRoute): AnyRoute[] => [
  pageRoute(
    root,
    '/access/applications',
    () => import('./applications/applications'),
    'Applications',
  ),
  pageRoute(
    root,
    '/access/applications/new',
    () => import('./applications/new_application'),
    'NewApplication',
  ),
  pageRoute(root, '/access/applications/$id', page, 'ApplicationPage'),
  pageRoute(root, '/access/applications/$id/$tab', page, 'ApplicationPage'),
  pageRoute(
    root,
    '/access/applications/$id/policies/new',
    policyOfApplication,
    'NewApplicationPolicy',
  ),
  pageRoute(
    root,
    '/access/applications/$id/policies/$policy',
    policyOfApplication,
    'ApplicationPolicy',
  ),
  pageRoute(root, '/access/policies', () => import('./policies/policies'), 'Policies'),
  pageRoute(root, '/access/policies/new', () => import('./policies/policy_page'), 'NewPolicy'),
  pageRoute(root, '/access/policies/$id', () => import('./policies/policy_page'), 'PolicyPage'),
  pageRoute(root, '/access/groups', () => import('./groups/groups'), 'Groups'),
  pageRoute(root, '/access/groups/new', () => import('./groups/group_page'), 'NewGroup'),
  pageRoute(root, '/access/groups/$id', () => import('./groups/group_page'), 'GroupPage'),
];
