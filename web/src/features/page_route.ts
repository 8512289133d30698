import type { ComponentType } from 'react';
import { createRoute, lazyRouteComponent, type AnyRoute } from '@tanstack/react-router';

// A page at a path, loaded when it is first opened: `load` imports a module, `name` is its component.
export function pageRoute<M extends Record<string, unknown>>(
  root: AnyRoute,
  path: string,
  load: () => Promise<M>,
  name: keyof M & string,
): AnyRoute {
  return createRoute({
    getParentRoute: () => root,
    path,
    component: lazyRouteComponent(load as () => Promise<Record<string, ComponentType>>, name),
  });
}
