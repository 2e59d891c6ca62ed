"""/v1/auth, /oauth2/token and the addresses under /.well-known: where a caller gets its pass."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request, Response

from app.access.client_keys import ALGORITHMS
from app.access.guards import allow, at_the_gate, origin_of
from app.access.keys import SigningKeys
from app.access.permissions import CLIENT_SCOPES, Permission
from app.accounts import machine_tokens, sign_in
from app.accounts.machine_tokens import TokenRefusal
from app.accounts.models import ClientToken, OAuthRefusal, PasswordSet, RoleSwitch, SignedIn
from app.accounts.sign_in import Desk
from app.core import errors
from app.core.actor import Actor, Role
from app.core.documents import raises
from app.core.door import Door
from app.core.errors import invalid
from app.settings import Settings

router = APIRouter(tags=["auth"], route_class=Door)

ALWAYS = (errors.NotValid, errors.BodyTooLarge, errors.Unavailable, errors.TookTooLong)
JSON = (errors.MalformedJson, errors.MediaTypeNotSupported)


async def the_desk(request: Request) -> Desk:
    """The desk of this request."""
    state = request.app.state
    return Desk(
        database=state.database,
        settings=state.settings,
        keys=state.signing_keys,
        passwords=state.passwords,
        secret=state.sealer.derive("sign-in tries"),
        origin=origin_of(request),
    )


AtDesk = Annotated[Desk, Depends(the_desk)]


@router.post(
    "/v1/auth/token",
    summary="Sign in, or renew a sign-in",
    dependencies=[Depends(at_the_gate)],
    response_model=SignedIn,
    responses=raises(sign_in.SignInRefused, sign_in.RefreshRefused, errors.TooManyRequests, *ALWAYS),
)
async def sign_in_or_renew(
    request: Request,
    desk: AtDesk,
    grant_type: Annotated[Literal["password", "refresh_token"], Form()],
    username: Annotated[str | None, Form(max_length=254, description="The e-mail address.")] = None,
    password: Annotated[str | None, Form(max_length=1024, json_schema_extra={"format": "password"})] = None,
    role: Annotated[Role | None, Form(description="One of several roles; else the first held.")] = None,
    refresh_token: Annotated[str | None, Form(max_length=200)] = None,
) -> SignedIn:
    """Gives an access token of one role, for 15 minutes, and a refresh token that renews it once.

    With `grant_type=password`: `username`, `password` and, for who holds several roles, `role`. With
    `grant_type=refresh_token`: `refresh_token`; each is taken once, and using one again ends the sign-in, so
    renew from one place at a time. Refusals do not tell whether an account exists.
    """
    if grant_type == "refresh_token":
        return await sign_in.renew(desk, _needed(refresh_token, "refresh_token"))
    address = request.client.host if request.client else ""
    return await sign_in.with_password(
        desk, _needed(username, "username"), _needed(password, "password"), role, address
    )


def _needed(value: str | None, name: str) -> str:
    if value is None:
        raise invalid(f"/{name}", "missing", "This field is needed.")
    return value


@router.post(
    "/v1/auth/logout",
    summary="Sign out",
    status_code=204,
    response_model=None,
    responses=raises(errors.NotSignedIn, errors.NotAllowed, *ALWAYS),
)
async def log_out(actor: Annotated[Actor, allow(Permission.OWN_ACCOUNT)], desk: AtDesk) -> Response:
    """Ends the sign-in: its access and refresh tokens are refused from now on."""
    await sign_in.sign_out(desk, actor)
    return Response(status_code=204)


@router.post(
    "/v1/auth/switch-role",
    summary="Act in another role",
    response_model=SignedIn,
    responses=raises(errors.NotSignedIn, errors.NotAllowed, sign_in.RoleNotHeld, *ALWAYS, *JSON),
)
async def switch_role(
    actor: Annotated[Actor, allow(Permission.OWN_ACCOUNT)], desk: AtDesk, wanted: RoleSwitch
) -> SignedIn:
    """Signs the caller in anew in another role it holds; the tokens it came with are refused from now on."""
    return await sign_in.switch_role(desk, actor, wanted.role)


@router.post(
    "/v1/auth/password",
    summary="Set a password by a single-use link",
    status_code=204,
    response_model=None,
    dependencies=[Depends(at_the_gate)],
    responses=raises(sign_in.LinkUsed, *ALWAYS, *JSON),
)
async def set_password(desk: AtDesk, chosen: PasswordSet) -> Response:
    """Sets the password and makes the account usable; the link is used up, and all its sign-ins end."""
    await sign_in.set_password(desk, chosen.token, chosen.password)
    return Response(status_code=204)


@router.post(
    "/oauth2/token",
    summary="Get an access token as a machine client",
    dependencies=[Depends(at_the_gate)],
    response_model=ClientToken,
    responses={
        400: {"model": OAuthRefusal, "description": "The request, the grant type or the scope is refused."},
        401: {"model": OAuthRefusal, "description": "The client assertion is refused."},
        **raises(*ALWAYS),
    },
)
async def machine_token(
    response: Response,
    desk: AtDesk,
    grant_type: Annotated[str | None, Form(description="`client_credentials`.")] = None,
    client_assertion_type: Annotated[str | None, Form(description=f"`{machine_tokens.JWT_BEARER}`.")] = None,
    client_assertion: Annotated[str | None, Form(description="A JWT signed RS384, RS512 or ES384.")] = None,
    scope: Annotated[str | None, Form(description="Some of the client's scopes; else all.")] = None,
) -> Any:
    """Gives a machine client an access token for at most 300 seconds (RFC 6749, RFC 7523 `private_key_jwt`).

    The assertion has `iss` and `sub` = client id, `aud` = this address, `exp` at most 300 seconds ahead, and a
    `jti` of its own: it is taken once.
    """
    unstored = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    try:
        token = await machine_tokens.with_assertion(desk, grant_type, client_assertion_type, client_assertion, scope)
    except TokenRefusal as refusal:
        body = OAuthRefusal(error=refusal.error, error_description=refusal.description)
        return Response(body.model_dump_json(), refusal.status, unstored, media_type="application/json")
    response.headers.update(unstored)
    return token


@router.get(
    "/.well-known/jwks.json",
    summary="The public keys that access tokens are signed with",
    dependencies=[Depends(at_the_gate)],
)
async def jwks(request: Request, response: Response) -> dict[str, Any]:
    """A JWK set (RFC 7517), one key per `kid`."""
    keys: SigningKeys = request.app.state.signing_keys
    response.headers["Cache-Control"] = "public, max-age=300"
    return dict(keys.jwks())


@router.get(
    "/.well-known/smart-configuration",
    summary="How machine clients authenticate",
    dependencies=[Depends(at_the_gate)],
)
async def smart_configuration(request: Request) -> dict[str, Any]:
    """What SMART App Launch 2 (backend services) wants to know of an authorization server."""
    settings: Settings = request.app.state.settings
    scopes = {scope for held in CLIENT_SCOPES.values() for scope in held}
    return {
        "issuer": settings.public_url,
        "jwks_uri": settings.public_url + "/.well-known/jwks.json",
        "token_endpoint": settings.public_url + machine_tokens.TOKEN_PATH,
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": sorted(ALGORITHMS),
        "scopes_supported": sorted(scopes),
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
    }
