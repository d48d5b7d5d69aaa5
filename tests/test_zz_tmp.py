import pytest
pytestmark = pytest.mark.usefixtures("prefect_client_started")
@pytest.mark.parametrize("i",range(3))
def test_flow(i):
    from prefect import flow, task
    from ephemeral_server import ephemeral
    @task
    def t(): return 1
    @flow(log_prints=True)
    def f(): print("x"); return t()
    with ephemeral(): assert f()==1
@pytest.mark.parametrize("i",range(3))
def test_aflow(i):
    import asyncio
    from prefect import flow, task
    from ephemeral_server import ephemeral
    @task
    def t(): return 1
    @flow(log_prints=True)
    async def f(): print("x"); return t()
    with ephemeral(): assert asyncio.run(f())==1
@pytest.mark.parametrize("i",range(3))
def test_api(api,i):
    assert api.get("/health").json() is True
    assert api.post("/flows/",json={"name":"x"}).status_code==201
    assert len(api.post("/flows/filter",json={}).json())==1
