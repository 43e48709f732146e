CREATE ROLE shop LOGIN SUPERUSER PASSWORD 'database-secret';

CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE, role text, address text, salt text, password text);

CREATE TABLE products (id serial PRIMARY KEY, name text, category text, price numeric(8, 2), stock int, picture text);

CREATE TABLE orders (reference int PRIMARY KEY, customer int REFERENCES users, created timestamptz DEFAULT now(), total numeric(10, 2), note text);

CREATE TABLE items (reference int REFERENCES orders, product int REFERENCES products, count int, price numeric(8, 2));

CREATE INDEX ON items (reference);

CREATE INDEX ON products (category);

INSERT INTO products (name, category, price, stock, picture) SELECT (ARRAY['black tea','green tea','coffee','cocoa','honey','sugar','milk','cup'])[1 + i % 8] || ' ' || i, (ARRAY['drinks','food','things'])[1 + i % 3], 1 + i % 40, 1000, (1 + i % 12) || '.png' FROM generate_series(1, 120) i;

INSERT INTO users (name, role, address, salt) SELECT 'customer' || i, 'customer', i || ' High Street', md5(i::text) FROM generate_series(1, 30) i;

INSERT INTO users (name, role, address, salt) SELECT 'seller' || i, 'seller', 'the shop', md5('s' || i) FROM generate_series(1, 3) i;

UPDATE users SET password = encode(sha256((salt || 'password-of-' || name)::bytea), 'hex');

