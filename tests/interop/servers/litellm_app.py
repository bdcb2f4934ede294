"""LiteLLM's proxy, with a model that it plays itself. Arguments: the latency in ms, and as JSON how many tokens a key may
take in a window, and how many seconds that lasts."""

import json
import os
import sys
import tempfile

from asgi import serve

# Its own first lines are not the port.
sys.stdout = sys.stderr
latency = int(sys.argv[1]) / 1000
options = json.loads(sys.argv[2])
model = {
    "model_name": "played",
    "litellm_params": {
        "model": "openai/played",
        "api_key": "none",
        "mock_response": "done",
        "mock_delay": latency,
    },
}
config = {
    # It does not start with a weak one. Nobody uses it.
    "general_settings": {"master_key": f"sk-{os.urandom(16).hex()}"},
    "model_list": [model],
}
with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    json.dump(config, file)
    file.flush()
    os.environ.update(
        CONFIG_FILE_PATH=file.name,
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_RATE_LIMIT_WINDOW_SIZE=str(options["window"]),
    )
    from litellm.proxy import proxy_server
    from litellm.proxy._types import UserAPIKeyAuth
    from litellm.proxy.auth.user_api_key_auth import user_api_key_auth

    async def key():
        """The key of each request. So its limit needs no database."""
        return UserAPIKeyAuth(api_key="key", tpm_limit=options["limit"])

    proxy_server.app.dependency_overrides[user_api_key_auth] = key
    serve(proxy_server.app)
