"""Layers go by names below functional models and by attributes below other layers."""


def test_paths_are_attributes_below_what_is_subclassed(hard_cases):
    assert hard_cases["paths"] == [
        ["", "Tower"],
        ["first", "Dense"],  # held by two attributes, listed once
        ["group", "Group"],
        ["group/hidden", "Dense"],
        ["group/blocks[0]", "Dense"],
        ["group/blocks[1][0]", "Dense"],
        ["group/heads['a']", "Dense"],
    ]


def test_the_role_of_a_variable_of_ones_own_is_its_attribute(hard_cases):
    variables = [(p["layer"], p["role"]) for p in hard_cases["readings"]["tower"]["penalties"]]
    assert variables == [("first", "kernel"), ("group", "scale")]
