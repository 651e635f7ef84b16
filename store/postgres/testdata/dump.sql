-- What is in the schema, one text for each thing.
SELECT text FROM (
    SELECT 1 AS kind, c.relname AS name,
           format(E'CREATE TABLE %I.%I (\n%s\n)%s;%s', n.nspname, c.relname,
               (SELECT string_agg(format('    %I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                       CASE WHEN a.attcollation = '"C"'::regcollation THEN ' COLLATE "C"' ELSE '' END,
                       CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END, coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')),
                       E',\n' ORDER BY a.attnum)
                FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
               coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', ''),
               coalesce(E'\n' || (SELECT string_agg(pg_get_indexdef(i.indexrelid) || ';', E'\n' ORDER BY i.indexrelid::regclass::text)
                FROM pg_index i WHERE i.indrelid = c.oid), '')) AS text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'offload' AND c.relkind = 'r'
    UNION ALL
    SELECT 2, p.proname, pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'offload'
    UNION ALL
    SELECT 3, a.attname, format('-- offload.jobs.%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
    FROM pg_attribute a WHERE a.attrelid = 'offload.jobs'::regclass AND a.attnum > 0
) AS things ORDER BY kind, name
