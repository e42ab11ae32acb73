"""What a response map starts from; no torch."""

from litho.jobs.spec import ModelSpec, adapter_in


class MapSpec(ModelSpec):
    """A text and the state that reads it."""

    text: str
    text_name: str
    adapter: str | None = None  # folder of a PEFT adapter
    gradients: bool = False  # also how strongly the loss pulls at every token and layer

    def adapters(self) -> dict[str, str]:
        return adapter_in(self.adapter)
