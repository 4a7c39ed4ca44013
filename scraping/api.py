"""`/admin/scrape`: start a scrape, and see what became of each."""

import uuid
from typing import Any

from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.callers import staff_name
from integrations.rest import PageSerializer, TextField, question
from scraping import jobs
from scraping.models import ScrapeJob


class TriggerSerializer(serializers.Serializer[Any]):
    """What to look for: `brand` or `brands`, as ScraperV2's catalogue spells them, and a search term."""

    brand = TextField(max_length=100, required=False, allow_null=True)
    brands = serializers.ListField(
        child=TextField(max_length=100),
        required=False,
        allow_null=True,
        max_length=50,
        min_length=1,
    )
    search = TextField(max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Bring both spellings into one list.

        Raises:
            ValidationError: neither is given.
        """
        brands = attrs.get("brands") or ([attrs["brand"]] if attrs.get("brand") else [])
        if not brands:
            raise serializers.ValidationError({"brand": ["Give a brand, or brands."]})
        return {"brands": list(dict.fromkeys(brands)), "search": attrs["search"]}


class TriggeredSerializer(serializers.Serializer[Any]):
    """The job that was written down."""

    job_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=ScrapeJob.Status.choices)


class ScrapeJobSerializer(serializers.ModelSerializer[ScrapeJob]):
    """A scrape job."""

    id = serializers.UUIDField(source="uuid")
    number = serializers.IntegerField(source="pk")
    error = serializers.CharField()

    class Meta:
        model = ScrapeJob
        exclude = ("uuid", "deliveries")


class JobQuerySerializer(PageSerializer):
    """What `GET /admin/scrape/jobs` can be asked."""

    status = serializers.ChoiceField(choices=ScrapeJob.Status.choices, required=False)


class JobPageSerializer(serializers.Serializer[Any]):
    """A page of jobs."""

    jobs = ScrapeJobSerializer(many=True)
    total = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class ScrapeViewSet(viewsets.GenericViewSet[ScrapeJob]):
    """Start a scrape, and see its end."""

    queryset = ScrapeJob.objects.all()
    serializer_class = ScrapeJobSerializer
    read_permission = "scraping.view_scrapejob"
    change_permissions = {"trigger": "scraping.trigger_scrape"}
    pagination_class = None

    @extend_schema(request=TriggerSerializer, responses={202: TriggeredSerializer})
    @action(detail=False, methods=["post"])
    def trigger(self, request: Request) -> Response:
        """Start a scrape; a task hands it to ScraperV2."""
        asked = TriggerSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        job = jobs.trigger(**asked.validated_data, by=staff_name(request))
        return Response({"job_id": job.uuid, "status": job.status}, status=202)

    @extend_schema(
        parameters=[JobQuerySerializer], responses={200: forced_singular_serializer(JobPageSerializer)}
    )
    def list(self, request: Request) -> Response:
        """List jobs, newest first."""
        query = JobQuerySerializer(data=question(request))
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        rows = self.get_queryset()
        if "status" in asked:
            rows = rows.filter(status=asked["status"])
        page = rows[asked["offset"] :][: asked["limit"]]
        return Response(
            {
                "jobs": ScrapeJobSerializer(page, many=True).data,
                "total": rows.count(),
                "limit": asked["limit"],
                "offset": asked["offset"],
            }
        )

    @extend_schema(responses={200: ScrapeJobSerializer})
    def retrieve(self, request: Request, pk: uuid.UUID) -> Response:
        """Show one job."""
        job = self.get_queryset().filter(uuid=pk).first()
        if job is None:
            raise NotFound("There is no such job.")
        return Response(ScrapeJobSerializer(job).data)
