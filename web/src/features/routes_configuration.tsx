// How people and devices prove themselves, and the settings of the gateway.
import type { AnyRoute } from '@tanstack/react-router';
import { pageRoute } from './page_route';

const methods = () => import('./authentication/login_methods');
const method = () => import('./authentication/login_method_page');
const posture = () => import('./authentication/device_posture');
const provider = () => import('./authentication/provider_page');
const check = () => import('./authentication/check_page');
const customPage = () => import('./settings/custom_page');
const authority = () => import('./settings/certificate_page');

export const configurationRoutes = (root: AnyRoute): AnyRoute[] => [
  pageRoute(root, '/access/authentication', methods, 'LoginMethods'),
  pageRoute(root, '/access/authentication/login-methods', methods, 'LoginMethods'),
  pageRoute(root, '/access/authentication/login-methods/add', methods, 'AddLoginMethod'),
  pageRoute(root, '/access/authentication/login-methods/add/$type', method, 'NewLoginMethod'),
  pageRoute(root, '/access/authentication/login-methods/$id', method, 'LoginMethodPage'),
  pageRoute(root, '/access/authentication/device-posture', posture, 'DevicePosture'),
  pageRoute(root, '/access/authentication/device-posture/add', posture, 'AddProvider'),
  pageRoute(root, '/access/authentication/device-posture/add/$type', provider, 'NewProvider'),
  pageRoute(root, '/access/authentication/device-posture/checks/new', check, 'NewCheck'),
  pageRoute(root, '/access/authentication/device-posture/checks/$id', check, 'CheckPage'),
  pageRoute(root, '/access/authentication/device-posture/$id', provider, 'ProviderPage'),
  pageRoute(
    root,
    '/access/service-tokens',
    () => import('./service_tokens/service_tokens'),
    'ServiceTokens',
  ),
  pageRoute(
    root,
    '/access/service-tokens/$id',
    () => import('./service_tokens/service_token_page'),
    'ServiceTokenPage',
  ),
  pageRoute(root, '/access/lists', () => import('./lists/lists'), 'Lists'),
  pageRoute(root, '/access/lists/$id', () => import('./lists/list_page'), 'ListPage'),
  pageRoute(root, '/settings/general', () => import('./settings/general'), 'General'),
  pageRoute(root, '/settings/pages', () => import('./settings/custom_pages'), 'CustomPages'),
  pageRoute(root, '/settings/pages/new', customPage, 'NewCustomPage'),
  pageRoute(root, '/settings/pages/$id', customPage, 'CustomPagePage'),
  pageRoute(
    root,
    '/settings/certificates',
    () => import('./settings/certificates'),
    'Certificates',
  ),
  pageRoute(root, '/settings/certificates/new', authority, 'NewCertificate'),
  pageRoute(root, '/settings/certificates/$id', authority, 'CertificatePage'),
  pageRoute(root, '/settings/keys', () => import('./settings/keys'), 'KeysAndTokens'),
  pageRoute(root, '/settings/tags', () => import('./settings/tags'), 'Tags'),
  pageRoute(root, '/settings/health', () => import('./settings/health'), 'Health'),
];
