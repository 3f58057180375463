"""Layers go by names below models and by attributes below other layers."""


def test_paths_are_names_below_a_model_and_attributes_below_a_layer(hard_cases):
    assert hard_cases["paths"] == [
        ["", "Tower"],
        ["one", "Dense"],  # held by two attributes, listed once
        ["group", "Group"],
        ["group/hidden", "Dense"],
        ["group/blocks[0]", "Dense"],
        ["group/blocks[1][0]", "Dense"],
        ["group/heads['a']", "Dense"],
    ]


def test_the_role_of_a_variable_of_ones_own_is_its_attribute(hard_cases):
    variables = [(p["layer"], p["role"]) for p in hard_cases["readings"]["tower"]["penalties"]]
    assert variables == [("one", "kernel"), ("group", "scale")]
