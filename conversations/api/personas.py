"""`/personas/`: the assistants that an organisation offers."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.default_personas import (
    MAX_DESCRIPTION,
    MAX_INSTRUCTIONS,
    MAX_MODEL,
    MAX_NAME,
    MAX_QUESTION,
    MAX_QUESTIONS,
    MAX_TEMPERATURE,
    MAX_TOKENS,
)
from conversations.models import Mode, Persona
from conversations.selectors.personas import access_persona, find_default, list_personas, with_collections
from conversations.services.personas import (
    PersonaFields,
    archive_persona,
    change_persona,
    create_persona,
    require_change,
    reset_persona,
    restore_persona,
)
from tenants.access import Access
from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action


class PersonaSerializer(serializers.Serializer[Any]):
    """A row of `with_collections`: what is out of its reader's sight is not named."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    instructions = serializers.CharField()
    mode = serializers.ChoiceField(choices=Mode.choices())
    temperature = serializers.FloatField(allow_null=True)
    max_tokens = serializers.IntegerField(allow_null=True)
    model = serializers.CharField()
    collections = serializers.SerializerMethodField()
    sample_questions = serializers.ListField(child=serializers.CharField())
    is_default = serializers.BooleanField(help_text="Chosen where a chat begins in the portal.")
    has_default = serializers.SerializerMethodField(help_text="Whether `/reset/` brings back Docent's own.")
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    archived_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_collections(self, persona: Any) -> list[str]:
        return [str(link.collection_id) for link in persona.seen_collections]

    def get_has_default(self, persona: Persona) -> bool:
        return find_default(persona) is not None


class PersonaChange(StrictSerializer):
    """What may be changed; what is left out stays."""

    name = serializers.CharField(max_length=MAX_NAME, required=False)
    description = serializers.CharField(max_length=MAX_DESCRIPTION, required=False, allow_blank=True)
    instructions = serializers.CharField(max_length=MAX_INSTRUCTIONS, required=False, allow_blank=True)
    mode = serializers.ChoiceField(choices=Mode.choices(), required=False)
    temperature = serializers.FloatField(
        required=False, allow_null=True, min_value=0, max_value=MAX_TEMPERATURE, help_text="Null: the model's own."
    )
    max_tokens = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_TOKENS, help_text="Null: the model's own."
    )
    model = serializers.CharField(
        max_length=MAX_MODEL, required=False, allow_blank=True, help_text="Empty: the organisation's."
    )
    collections = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=100,
        help_text="What it searches where a conversation names nothing; empty: all that its asker may see.",
    )
    sample_questions = serializers.ListField(
        child=serializers.CharField(max_length=MAX_QUESTION), required=False, max_length=MAX_QUESTIONS
    )
    is_default = serializers.BooleanField(required=False, help_text="An admin's to change.")


class PersonaInput(PersonaChange):
    name = serializers.CharField(max_length=MAX_NAME)


class PersonaQuery(PageQuery):
    archived = serializers.BooleanField(required=False, default=False)


def _shown(access: Access, persona: Persona) -> dict[str, Any]:
    found = with_collections(access, Persona.objects.filter(id=persona.id)).get()
    return dict(PersonaSerializer(found).data)


def _fields(body: StrictSerializer) -> PersonaFields:
    body.is_valid(raise_exception=True)
    return cast("PersonaFields", body.validated_data)


class PersonasView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "POST": Action.WRITE_PERSONAS}

    @extend_schema(operation_id="personas_list", parameters=[PersonaQuery], responses=PersonaSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The assistants that one may choose, oldest first; with `archived` those that are gone."""
        query = PersonaQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = list_personas(self.access, is_archived=query.validated_data["archived"])
        return self.paged(with_collections(self.access, found), PersonaSerializer)

    @extend_schema(operation_id="personas_create", request=PersonaInput, responses={201: PersonaSerializer})
    def post(self, request: Request) -> Response:
        """Make an assistant; its slug comes from the name and stays."""
        persona = create_persona(access=self.access, fields=_fields(PersonaInput(data=request.data)))
        return Response(_shown(self.access, persona), status=status.HTTP_201_CREATED)


class PersonaView(TenantView):
    actions_by_method = {
        "GET": Action.CHAT,
        "PATCH": Action.WRITE_PERSONAS,
        "DELETE": Action.WRITE_PERSONAS,
    }

    @extend_schema(operation_id="personas_read", responses=PersonaSerializer)
    def get(self, request: Request, persona: UUID) -> Response:
        """One assistant, archived ones too."""
        return Response(_shown(self.access, access_persona(self.access, persona)))

    @extend_schema(operation_id="personas_change", request=PersonaChange, responses=PersonaSerializer)
    def patch(self, request: Request, persona: UUID) -> Response:
        """Change an assistant: conversations that have it are answered so from their next question on."""
        found = access_persona(self.access, persona)
        require_change(self.access, found)
        fields = _fields(PersonaChange(data=request.data))
        return Response(_shown(self.access, change_persona(access=self.access, persona=found, fields=fields)))

    @extend_schema(operation_id="personas_archive", responses={204: None})
    def delete(self, request: Request, persona: UUID) -> Response:
        """Archive an assistant; `/restore/` takes that back. Its conversations go on without its voice."""
        archive_persona(access=self.access, persona=access_persona(self.access, persona))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PersonaRestoreView(TenantView):
    actions_by_method = {"POST": Action.WRITE_PERSONAS}

    @extend_schema(operation_id="personas_restore", request=None, responses=PersonaSerializer)
    def post(self, request: Request, persona: UUID) -> Response:
        """Offer an archived assistant again."""
        found = restore_persona(access=self.access, persona=access_persona(self.access, persona))
        return Response(_shown(self.access, found))


class PersonaResetView(TenantView):
    actions_by_method = {"POST": Action.WRITE_PERSONAS}

    @extend_schema(operation_id="personas_reset", request=None, responses=PersonaSerializer)
    def post(self, request: Request, persona: UUID) -> Response:
        """Bring back what Docent's own list says of it; made here: 409."""
        found = reset_persona(access=self.access, persona=access_persona(self.access, persona))
        return Response(_shown(self.access, found))
