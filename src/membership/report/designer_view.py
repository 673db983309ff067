"""The tier designer on the screen: sliders of a choice beside what it is expected to bring."""

import html

import ipywidgets as widgets
from IPython.display import display

from membership.base.errors import ProjectError
from membership.designer.what_if import Choice, Designer, Outcome, snippet
from membership.report import designer_tables
from membership.report.figures import designer as figures
from membership.report.formats import CENTS

_NARROW = widgets.Layout(width="26em")
_STYLE = {"description_width": "10.5em"}


class Panel:
    """Sliders, buttons and the outcome; `widget` is what a notebook shows, `outcome` what it shows now."""

    def __init__(self, designer: Designer):
        self._designer, self._moving = designer, False
        self._unit = designer.terms.settings.unit
        most = float(designer.amounts.to_numpy().max()) / self._unit
        step = designer.terms.settings.search.round_to / self._unit
        names = designer.terms.settings.names[1:]
        self._thresholds = [_slider(f"{name} from", 0, _up(most / 2, step), step) for name in names]
        self._grace_share = _slider("grace, share", 0, 0.6, 0.05, ".0%")
        self._grace_months = widgets.IntSlider(
            description="grace, months", max=6, continuous_update=False, layout=_NARROW, style=_STYLE
        )
        budgets = designer.saved.tier_budget / CENTS, designer.saved.benefit_budget / CENTS
        self._budgets = [
            _slider(f"budget, {what}", 0, max(3 * budget, 100), max(budget / 50, 1))
            for what, budget in zip(("tiers", "benefits"), budgets, strict=True)
        ]
        self._margin = _slider("margin rate", 0.05, 0.6, 0.01, ".0%")
        catalogue = [benefit.name for benefit in designer.benefits.catalogue]
        box = widgets.Layout(width="auto")
        self._on = {name: widgets.Checkbox(indent=False, layout=box) for name in catalogue}
        self._times = {name: _slider(f"{_words(name)} x", 0, 2, 0.1, ".1f") for name in catalogue}
        self._told, self._drawn = widgets.HTML(), widgets.HTML()
        self._snippet = widgets.Textarea(layout=widgets.Layout(width="98%", height="20em"))
        self.outcome: Outcome = designer.saved_outcome
        self.widget = self._laid_out()
        for control in self.controls:
            control.observe(self._moved, "value")
        self.reset()

    @property
    def choice(self) -> Choice:
        """The choice that the sliders are set to."""
        tier_budget, benefit_budget = (slider.value * CENTS for slider in self._budgets)
        return Choice(
            thresholds=tuple(round(slider.value * self._unit) for slider in self._thresholds),
            grace_share=self._grace_share.value,
            grace_months=self._grace_months.value,
            tier_budget=tier_budget,
            benefit_budget=benefit_budget,
            margin_rate=self._margin.value,
            uplift_times={name: self._times[name].value for name, box in self._on.items() if box.value},
        )

    def set(self, choice: Choice) -> None:
        """Move every slider to `choice` and show its outcome."""
        self._moving = True  # one update, not one a slider
        values = [threshold / self._unit for threshold in choice.thresholds]
        budgets = [choice.tier_budget / CENTS, choice.benefit_budget / CENTS]
        for slider, value in zip([*self._thresholds, *self._budgets], [*values, *budgets], strict=True):
            slider.max, slider.value = max(slider.max, value), value
        self._grace_share.value, self._grace_months.value = choice.grace_share, choice.grace_months
        self._margin.value = choice.margin_rate
        for name, box in self._on.items():
            box.value, self._times[name].value = name in choice.uplift_times, choice.uplift_times.get(name, 1.0)
        self._moving = False
        self._show(choice)

    def reset(self) -> None:
        """Move every slider to the saved policy."""
        self.set(self._designer.saved)

    def search(self) -> None:
        """Move the thresholds to those that bring most under the other sliders, or say why none are possible."""
        try:
            self.set(self._designer.searched(self.choice))
        except ProjectError as error:
            self._tell(Outcome(self.choice, message=str(error)))

    def _moved(self, _change) -> None:
        if not self._moving:
            self._show(self.choice)

    def _show(self, choice: Choice) -> None:
        saved = choice == self._designer.saved
        self._tell(self._designer.saved_outcome if saved else self._designer.evaluate(choice))
        self._snippet.value = snippet(choice, self._designer)

    def _tell(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._told.value = designer_tables.page(outcome, self._designer)
        saved = self._designer.saved_outcome
        self._drawn.value = "" if outcome.message else figures.svg(outcome, saved)

    @property
    def controls(self) -> list[widgets.Widget]:
        """All sliders and checkboxes."""
        plain = [*self._thresholds, self._grace_share, self._grace_months, *self._budgets, self._margin]
        return [*plain, *self._on.values(), *self._times.values()]

    def _laid_out(self) -> widgets.Widget:
        buttons = [
            widgets.Button(description="start from the searched rule", icon="search", layout=_NARROW),
            widgets.Button(description="back to the saved policy", icon="undo", layout=_NARROW),
        ]
        buttons[0].on_click(lambda _: self.search())
        buttons[1].on_click(lambda _: self.reset())
        benefits = [widgets.HBox([self._on[name], self._times[name]]) for name in self._on]
        left = [*buttons, _head("Tiers"), *self._thresholds, self._grace_share, self._grace_months]
        left += [
            _head("Money"),
            *self._budgets,
            self._margin,
            _head("Benefits: on or off, and uplift times"),
            *benefits,
        ]
        left += [widgets.Accordion([self._snippet], titles=["this choice, for params.yaml"])]
        right = [self._told, self._drawn]
        wide = widgets.Layout(padding="0 0 0 1em", flex="1 1 auto")
        return widgets.HBox(
            [widgets.VBox(left, layout=widgets.Layout(width="29em", flex="0 0 auto")), widgets.VBox(right, layout=wide)]
        )


def show(designer: Designer) -> None:
    """Show the panel of `designer` below the cell."""
    display(Panel(designer).widget)


def _slider(description: str, low: float, high: float, step: float, readout: str = ",.0f") -> widgets.FloatSlider:
    return widgets.FloatSlider(
        description=description,
        min=low,
        max=high,
        step=step,
        readout_format=readout,
        continuous_update=False,
        layout=_NARROW,
        style=_STYLE,
    )


def _up(value: float, step: float) -> float:
    return -(-value // step) * step


def _head(text: str) -> widgets.HTML:
    return widgets.HTML(f"<b>{html.escape(text)}</b>")


def _words(name: str) -> str:
    return name.replace("_", " ")
