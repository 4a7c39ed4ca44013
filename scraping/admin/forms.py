"""What staff fill in about scrapes."""

from django import forms

from scraping.models import MAX_BRAND, MAX_BRANDS

MAX_RAW = 200_000


class RunForm(forms.Form):
    """What to look for."""

    brands = forms.CharField(
        label="Brands",
        max_length=2000,
        help_text="With commas between them, spelled as ScraperV2's catalogue has them: Sony, Canon",
        widget=forms.TextInput(attrs={"class": "ae-input", "autofocus": True}),
    )
    search = forms.CharField(
        label="Search",
        max_length=200,
        help_text="What to type into the marketplace: Sony mirrorless cameras",
        widget=forms.TextInput(attrs={"class": "ae-input"}),
    )

    def clean_brands(self) -> list[str]:
        """Split the brands, each once.

        Raises:
            ValidationError: none, too many, or one that is too long.
        """
        brands = list(dict.fromkeys(filter(None, map(str.strip, self.cleaned_data["brands"].split(",")))))
        if not brands:
            raise forms.ValidationError("Give a brand.")
        if len(brands) > MAX_BRANDS or any(len(brand) > MAX_BRAND for brand in brands):
            raise forms.ValidationError(f"At most {MAX_BRANDS} brands of at most {MAX_BRAND} characters.")
        return brands


class MendForm(forms.Form):
    """The match as JSON, to be mended."""

    raw = forms.CharField(
        label="The match, as JSON",
        max_length=MAX_RAW,
        strip=False,
        widget=forms.Textarea(attrs={"class": "ae-input ae-code", "rows": 22, "spellcheck": "false"}),
    )
