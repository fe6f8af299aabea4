"""ChatML, the chat template of Qwen2.5, for models and files that bring none."""

#: Without a system message of its own: what is sent is what the caller wrote, nothing hidden.
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
