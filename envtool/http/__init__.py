"""HTTP for envtool's own requests: one client, with proxies, logins and certificates as configured."""
