// Every page of the dashboard and where it is. Each feature is loaded when it is first opened; its
// routes are in its own folder.
import { createRootRoute, createRouter } from '@tanstack/react-router';
import { Failed } from './parts/failed';
import { LinkButton, Empty } from './parts/kumo';
import { Shell } from './shell/shell';
import { applicationRoutes } from './features/routes_applications';
import { peopleRoutes } from './features/routes_people';
import { configurationRoutes } from './features/routes_configuration';

export const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Empty
      title="There is no such page"
      description="The address may be mistyped, or what was here has been removed."
      contents={<LinkButton href="/">Overview</LinkButton>}
    />
  ),
  errorComponent: ({ error, reset }) => <Failed error={error} retry={reset} />,
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    ...applicationRoutes(rootRoute),
    ...peopleRoutes(rootRoute),
    ...configurationRoutes(rootRoute),
  ]),
  scrollRestoration: true,
  defaultPreload: 'intent',
});
