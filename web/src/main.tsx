import './app.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { CSPProvider, LinkProvider, Toasty, TooltipProvider } from './parts/kumo';
import { queryClient } from './api/query_client';
import { AppLink } from './shell/app_link';
import { applyColourMode } from './shell/colour_mode';
import { Me } from './shell/me';
import { router } from './router';

applyColourMode();
createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      {/* The policy of the page allows no style elements; app.css has what they would say. */}
      <CSPProvider disableStyleElements>
        <LinkProvider component={AppLink}>
          <TooltipProvider>
            <Toasty>
              <Me>
                <RouterProvider router={router} />
              </Me>
            </Toasty>
          </TooltipProvider>
        </LinkProvider>
      </CSPProvider>
    </QueryClientProvider>
  </StrictMode>,
);
