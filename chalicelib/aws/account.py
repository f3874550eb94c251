"""Who we are and where AWS is, as botocore's own settings say: keys, region, endpoints; and
addresses that carry our signature."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import NoCredentialsError, NoRegionError
from botocore.regions import EndpointResolver
from botocore.session import Session, get_session

from chalicelib.aws import signature
from chalicelib.aws.signature import Keys

_LOADING = threading.Lock()


@lru_cache(maxsize=1)
def session() -> Session:
    """The one session of this process, also for those clients that are botocore's."""
    return get_session()


def keys() -> Keys:
    """What to sign with now: of a role they change each few hours, and botocore renews them.

    Raises NoCredentialsError where there are none; the next call looks again.
    """
    with _LOADING:  # botocore looks for them once, but not in two threads at a time
        found = session().get_credentials()
    if found is None:
        raise NoCredentialsError
    frozen = found.get_frozen_credentials()
    return Keys(frozen.access_key or "", frozen.secret_key or "", frozen.token)


@lru_cache(maxsize=1)
def region() -> str:
    """Raises NoRegionError where none is set."""
    name = session().get_config_variable("region")
    if name is None:
        raise NoRegionError
    return str(name)


@lru_cache(maxsize=8)
def origin(service: str) -> str:
    """Scheme and host of a service, from `AWS_ENDPOINT_URL_<SERVICE>` and what else boto3 obeys;
    otherwise AWS's own of this region. Raises ValueError for an endpoint with a path."""
    configured = _configured(service)
    if configured is not None:
        return _normal(configured)
    # What botocore knows of all regions: 20 ms to read, once, and only where nothing is configured.
    resolver = EndpointResolver(session().get_component("data_loader").load_data("endpoints"))
    known: Mapping[str, Any] | None = resolver.construct_endpoint(
        service,
        region(),
        use_dualstack_endpoint=_is_set("use_dualstack_endpoint"),
        use_fips_endpoint=_is_set("use_fips_endpoint"),
    )
    if known is None:
        raise NoRegionError
    return f"https://{known['hostname']}"


def _normal(url: str) -> str:
    """As every client will write it into `Host`: a signature is over these letters."""
    parts = urlsplit(url)
    if parts.path.strip("/") or not parts.hostname:
        raise ValueError(f"The endpoint {url} is not just a scheme and a host.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_usual = parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme))
    return f"{parts.scheme}://{host}" + ("" if is_usual else f":{parts.port}")


def _is_set(name: str) -> bool:
    return bool(session().get_config_variable(name))


def _configured(service: str) -> str | None:
    if _is_set("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(
        full_config=session().full_config,
        scoped_config=session().get_scoped_config(),
        client_name=service,
    )
    url: str | None = provider.provide()
    return url


def host(service: str) -> str:
    """As the `Host` header has it."""
    return urlsplit(origin(service)).netloc


def now() -> datetime:
    """A signature carries the machine's time, whatever the product's clock says."""
    return datetime.now(timezone.utc)  # noqa: TID251  see above


def presigned(
    service: str,
    method: str,
    path: str,
    parameters: Sequence[tuple[str, str]],
    seconds: int,
    payload: str = signature.NOTHING,
    headers: Mapping[str, str] = signature.NO_HEADERS,
) -> str:
    """An address that lets whoever has it make this one call, with these headers, for so long.
    Asks nobody."""
    scope = signature.Scope(region(), service)
    return signature.presigned(
        method, origin(service), path, parameters, keys(), scope, now(), seconds, payload, headers
    )


def forget() -> None:
    """For tests, whose environment changes."""
    session.cache_clear()
    region.cache_clear()
    origin.cache_clear()
