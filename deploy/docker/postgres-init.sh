#!/usr/bin/env bash
# Run once by the PostgreSQL image, for an empty data directory: Roost's role is an ordinary one that owns its database.
set -euo pipefail

psql -v ON_ERROR_STOP=1 -v password="$(</secrets/postgres/password)" --username postgres --dbname postgres <<'END'
CREATE ROLE roost LOGIN PASSWORD :'password';
CREATE DATABASE roost OWNER roost;
END
