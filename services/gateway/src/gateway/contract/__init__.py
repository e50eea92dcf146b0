"""The contract: one table that says of every operation what it takes and all that it may answer, and the OpenAPI 3.1
document that is made of it.

Handlers read raw bodies and answer bytes, so nothing can be read off their signatures. Instead every route has one row
here, and tests hold the two together: a route without a row, a row without a route, a parameter without words or an
example that its schema refuses fail the build; fuzzing finds the answer that no row admits.

To add an operation:

1. Put its row into the module of its subject (`contract/job.py`), or into a new one with `OPERATIONS` that
   `contract/table.py` names:

       Operation(
           method="GET",
           path="/api/v1/jobs/{jobId}/funnel",  # camelCase where the route says {job_id:str}
           id="readFunnel",
           tag="jobs",
           summary="What became of what was seen",
           description="Counts by stage, from the first page on.",
           parameters=(IF_NONE_MATCH,),
           answers=(
               Answer(200, "The funnel.", (json_of(FunnelAnswer, EXAMPLE),), headers=(ETAG,)),
               NOT_MODIFIED,
           ),
       )

2. Parameters that others have too stand in `contract/parameter.py`; those of the path are found there by their name.
3. Name in `problems` only the kinds that follow from what the operation does (CONFLICT, QUOTA). Those that follow from
   its form are added: 401, 403 for writes, 404 with a parameter in the path, 415 for a POST, 400, 413 and 422 with a
   body, 422 for the query, 500, 503.
4. The schema is that of the answer's struct, by its class's name without `Answer`. What a struct cannot say (stored
   JSON) it says with `msgspec.Meta(extra_json_schema=...)`, as `gateway.creator.CreatorDocument` does. Schemas of
   bodies are their models'.
"""
