-- Where the walk through done has come to.
SELECT last FROM offload.duty WHERE name = 'walk through done'
