# One image for the three services and the command line; the command says which:
#   node dist/apps/api/src/main.js          node dist/apps/api/src/main.js admin …
#   node dist/apps/fanout/src/main.js       node dist/apps/dispatcher/src/main.js

FROM node:24.18.0-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json nest-cli.json ./
COPY libs libs
COPY apps apps
RUN npx nest build --all

FROM node:24.18.0-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev

FROM node:24.18.0-slim
# An arena of malloc's per thread would be most of what is resident besides the heap.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2
WORKDIR /app
# Node finds `#domain` and its like through the "imports" of package.json, so it belongs to what runs.
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# By number, because Kubernetes cannot tell from a name that it is not root. 1000 is the image's user "node".
USER 1000:1000
CMD ["node", "dist/apps/api/src/main.js"]
