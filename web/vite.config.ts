import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import react from '@vitejs/plugin-react';
import tailwind from '@tailwindcss/vite';
import { defineConfig, type Plugin } from 'vite';

// Beside each file what nginx would otherwise have to compress for every visitor.
function compressed(): Plugin {
  let directory = '';
  return {
    name: 'compressed',
    apply: 'build',
    configResolved(config) {
      directory = path.resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue;
        const file = path.join(entry.parentPath, entry.name);
        const bytes = fs.readFileSync(file);
        fs.writeFileSync(`${file}.gz`, zlib.gzipSync(bytes, { level: 9 }));
        fs.writeFileSync(`${file}.br`, zlib.brotliCompressSync(bytes));
      }
    },
  };
}

// An icon comes in six weights; the dashboard shows these two.
const kShownWeights = ['regular', 'fill', 'bold'];
function lightIcons(): Plugin {
  return {
    name: 'light-icons',
    transform(code, id) {
      if (!/phosphor-icons\/react\/dist\/defs\/\w+\.es\.js$/.test(id)) return null;
      return code.replace(/  \[\n    "(\w+)",[\s\S]*?\n  \],?\n/g, (entry, weight: string) =>
        kShownWeights.includes(weight) ? entry : '',
      );
    },
  };
}

// `npm run dev` shows the dashboard of a gateway that runs here: GATEHOUSE_ADMIN_SOCKET names its
// run/admin.sock, whose requests are an administrator's.
const socket = process.env.GATEHOUSE_ADMIN_SOCKET;

export default defineConfig({
  plugins: [lightIcons(), react(), tailwind(), compressed()],
  build: {
    outDir: '../build/web',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  server: {
    host: '127.0.0.1',
    proxy: socket
      ? { '/client/v4': { target: { socketPath: socket, host: 'localhost', port: 80 } as never } }
      : {},
  },
});
