"""Django REST framework under waitress. Arguments: the latency in ms, and as JSON the framework's
settings."""

import json
import sys
import time

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from waitress import create_server

latency = int(sys.argv[1]) / 1000
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
        **json.loads(sys.argv[2]),
    },
)
django.setup()

# It reads the settings when it is imported.
from django.urls import re_path  # noqa: E402
from rest_framework.decorators import api_view  # noqa: E402
from rest_framework.response import Response  # noqa: E402


@api_view(["POST"])
def answer(request):
    time.sleep(latency)
    return Response("done")


urlpatterns = [re_path("", answer)]
server = create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=200)
print(server.effective_port, flush=True)
server.run()
